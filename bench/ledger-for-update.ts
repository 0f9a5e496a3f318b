/**
 * The way that most people write a ledger on PostgreSQL: a pool of connections, a transaction for
 * each command, the balance locked with `SELECT … FOR UPDATE` while it is looked at and changed. It
 * keeps the same tables and is not made worse than it must be: statements are prepared, locks are
 * taken in order, and what the seller and the platform get is appended, so that a buyer waits for
 * nobody but its own calls.
 */
import pg from 'pg'
import { available, earned, FEES, held } from '#ledger'
import { openBuyers, requireBooks } from './ledger-books.js'
import { openLedger } from './ledger-postgres.js'
import { type Call, CHARGE, FEE, HOLD, type LedgerWay, LIFE_MS, SELLER } from './ledger-way.js'

const LOCK = {
  name: 'lock',
  text: `select id, address, balance from ledger_accounts
    where address = any($1::text[]) order by id for update`,
}
const MOVE = {
  name: 'move',
  text: 'update ledger_accounts set balance = balance + $2 where id = $1',
}
const OPEN_HOLD = {
  name: 'open_hold',
  text: `insert into ledger_holds (reference, account, amount, deadline, counters)
    values ($1, $2, $3, $4, '[]')`,
}
const CLOSE_HOLD = {
  name: 'close_hold',
  text: 'delete from ledger_holds where reference = $1 returning account, amount',
}
const POST_HOLD = {
  name: 'post_hold',
  text: `insert into ledger_postings (reference, kind, position, from_id, to_id, amount, at)
    values ($1, 'hold', 0, $2, $3, $4, $5)`,
}
const POST_CAPTURE = {
  name: 'post_capture',
  text: `insert into ledger_postings (reference, kind, position, from_id, to_id, amount, at)
    values ($1, 'capture', 0, $2, $3, $4, $7), ($1, 'capture', 1, $2, $5, $6, $7)`,
}
const CREDIT = {
  name: 'credit',
  text: 'insert into ledger_credits (account_id, amount) values ($1, $2), ($3, $4)',
}

type Account = { id: number; address: string; balance: string }
/** The accounts that are only paid into. */
type Paid = { sellerId: number; feesId: number }

export async function forUpdate(
  way: Pick<LedgerWay, 'name' | 'naive'> & { url: string },
): Promise<LedgerWay> {
  const { url, ...named } = way
  const books = await openLedger(url)
  await openBuyers(books.ledger)
  // Ten connections, as the pool has it by itself: 32 or 64 were no faster for one buyer or many.
  const pool = new pg.Pool({ connectionString: url })
  const paid = await transaction(pool, async (client) => {
    const [seller, fees] = await lock(client, earned(SELLER), FEES)
    return { sellerId: seller.id, feesId: fees.id }
  })
  return {
    ...named,
    async pair(call) {
      await transaction(pool, (client) => hold(client, call))
      await transaction(pool, (client) => capture(client, call, paid))
    },
    async close(pairs) {
      await requireBooks(books.ledger, pairs)
      await pool.end()
      await books.close()
    },
  }
}

async function hold(client: pg.PoolClient, { reference, account, atMs }: Call): Promise<void> {
  const [from, to] = await lock(client, available(account), held(account))
  if (BigInt(from.balance) < HOLD) throw new Error(`${account} has too little credit`)
  await client.query(MOVE, [from.id, -HOLD])
  await client.query(MOVE, [to.id, HOLD])
  await client.query(POST_HOLD, [reference, from.id, to.id, HOLD, atMs])
  await client.query(OPEN_HOLD, [reference, account, HOLD, atMs + LIFE_MS])
}

async function capture(
  client: pg.PoolClient,
  { reference, atMs }: Call,
  { sellerId, feesId }: Paid,
): Promise<void> {
  const { rows } = await client.query<{ account: string; amount: string }>(CLOSE_HOLD, [reference])
  const [closed] = rows
  if (BigInt(closed?.amount ?? 0) !== HOLD) throw new Error(`${reference} is not held`)
  const [from] = await lock(client, held(closed!.account))
  await client.query(MOVE, [from.id, -HOLD])
  const parts = [sellerId, CHARGE, feesId, FEE]
  await client.query(POST_CAPTURE, [reference, from.id, ...parts, atMs])
  await client.query(CREDIT, parts)
}

/** The accounts in the order asked, locked in the order of their ids. */
async function lock<Addresses extends string[]>(client: pg.PoolClient, ...addresses: Addresses) {
  const { rows } = await client.query<Account>(LOCK, [addresses])
  const found = addresses.map((address) => rows.find((row) => row.address === address)!)
  return found as { [Nth in keyof Addresses]: Account }
}

async function transaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** The ledger on PostgreSQL where it is not alone, or its connection breaks at the worst moment. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  connectPipeline,
  defineInsert,
  openPostgresStore,
  type Pipeline,
  type PostgresStore,
} from '#store'
import { aPostgresUrl } from '../../test/support/a-postgres.js'
import { aPostgresLedger } from '../../test/support/a-store.js'
import {
  aBuyer,
  aClaim,
  aReference,
  aRow,
  captureOf,
  counterOf,
  grantOf,
  holdOf,
  releaseOf,
  unitOf,
  usdc,
  verdictOf,
} from '../../test/support/ledger-units.js'
import { linkRecorderOnPostgres } from '../../test/support/link-recorder.js'
import { type Ledger, postgresBatchWriter } from './ledger.js'

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let store: PostgresStore
let gateways: Awaited<ReturnType<typeof aPostgresLedger>>[]
let one: Ledger
let other: Ledger
beforeAll(async () => {
  database = await aPostgresUrl()
  store = await openPostgresStore(database)
  await store.db.raw('create table large (name text, body bytea)')
  gateways = [await aPostgresLedger(database.url), await aPostgresLedger(database.url)]
  ;[one, other] = gateways.map(({ ledger }) => ledger) as [Ledger, Ledger]
})
afterAll(async () => {
  const audit = await one.audit()
  for (const { close } of gateways) await close()
  await store.close()
  await database.drop()
  expect(audit.findings).toEqual([])
})

const insertLarge = defineInsert('large', { name: 'text', body: 'bytea' })

const LOST = Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })

/** A writer whose first commit goes as `onCommit` says; it reconnects to what works. */
function aWriter(onCommit: (pipeline: Pipeline) => Promise<void>) {
  let isBroken = true
  const connect = async () => {
    const pipeline = await connectPipeline(database.url)
    const run: Pipeline['run'] = async (sql, values) => {
      if (sql !== 'commit' || !isBroken) return pipeline.run(sql, values)
      isBroken = false
      await onCommit(pipeline)
      throw LOST
    }
    return { ...pipeline, run }
  }
  return postgresBatchWriter({ connect, recorderOf: linkRecorderOnPostgres })
}

/** A grant with a link, both named alike. */
function linkedGrant(name: string) {
  return { ...unitOf(grantOf(name, usdc('1'), name)), entry: { chain: name, name: 'a link' } }
}

test('a commit whose answer is lost was made once, and its callers are told', async () => {
  const name = aReference()
  const writer = aWriter(async (pipeline) => void (await pipeline.run('commit')))
  expect(await writer.write([linkedGrant(name)])).toMatchObject([{ accepted: true, recorded: 1 }])
  const again = await writer.write([
    linkedGrant(name),
    { commands: [], entry: { chain: name, name: 'next' } },
  ])
  expect(again).toMatchObject([
    { accepted: false, refusal: { reason: 'repeated' } },
    { accepted: true, recorded: 2 },
  ])
  expect(await one.balanceOf(name)).toMatchObject({ available: usdc('1') })
  await writer.close()
})

test('a commit that never arrived is made again', async () => {
  const name = aReference()
  const writer = aWriter((pipeline) => pipeline.close())
  expect(await writer.write([linkedGrant(name)])).toMatchObject([{ accepted: true, recorded: 1 }])
  expect(await one.balanceOf(name)).toMatchObject({ available: usdc('1') })
  await writer.close()
})

test.each(['commit', 'rollback'])(
  'a lost %s is found out after another took the seat',
  async (end) => {
    const name = aReference()
    const writer = aWriter(async (pipeline) => {
      await pipeline.run(end)
      await takeSeats()
    })
    expect(await writer.write([linkedGrant(name)])).toMatchObject([{ accepted: true, recorded: 1 }])
    expect(await one.balanceOf(name)).toMatchObject({ available: usdc('1') })
    await writer.close()
  },
)

test('what can no longer be found out is not written blindly', async () => {
  const name = aReference()
  const writer = aWriter(async (pipeline) => {
    await pipeline.run('commit')
    await takeSeats()
    await takeSeats()
  })
  const write = writer.write([linkedGrant(name)])
  // The code by which SQL says so; to who asked, the database was not there.
  await expect(write).rejects.toMatchObject({ code: '08007' })
  expect(await one.balanceOf(name)).toMatchObject({ available: usdc('1') })
  expect(await writer.write([linkedGrant(aReference())])).toMatchObject([{ accepted: true }])
  await writer.close()
})

test('a gateway whose seat was taken writes from another one', async () => {
  const { writer, chains } = aSeatedWriter()
  await writer.write([linkedGrant(aReference())])
  await store.db('leases').where('name', `chain/${chains[0]}`).increment('epoch', 1)
  expect(await writer.write([linkedGrant(aReference())])).toMatchObject([{ accepted: true }])
  expect(new Set(chains).size).toBe(2)
  await writer.close()
})

test('a seat that was left is taken by the next gateway, with its chains', async () => {
  const seats: string[] = []
  for (let i = 0; i < 2; i++) {
    const { writer, chains } = aSeatedWriter()
    await writer.write([linkedGrant(aReference())])
    await writer.close()
    seats.push(...chains)
  }
  expect(seats[1]).toBe(seats[0])
})

test('of claims that two gateways make at once one is granted each', async () => {
  const claims = Array.from({ length: 100 }, () => aReference())
  const claim = (ledger: Ledger) => (name: string) =>
    ledger.commit({ commands: [], rows: [aClaim(name)] })
  const [here, there] = await Promise.all([
    Promise.all(claims.map(claim(one))),
    Promise.all([...claims].reverse().map(claim(other))),
  ])
  const granted = here.map(({ accepted }, i) => [accepted, there[claims.length - 1 - i]!.accepted])
  expect(granted.map((both) => both.filter(Boolean))).toEqual(claims.map(() => [true]))
})

test('funds and ceilings that two gateways go for at once are given exactly once', async () => {
  const account = await aBuyer(one, usdc('1'))
  const counter = counterOf(aReference(), 'use', 1n, 7n)
  const holds = Array.from({ length: 200 }, (_, i) =>
    holdOf(account, usdc('0.1'), { counters: i % 2 === 0 ? [counter] : [] }),
  )
  const at = (i: number) => (i % 4 < 2 ? one : other)
  const outcomes = await Promise.all(holds.map((hold, i) => at(i).commit(unitOf(hold))))
  const held = holds.filter((_, i) => outcomes[i]!.accepted)
  expect(held).toHaveLength(10)
  const counted = held.filter(({ counters }) => counters.length > 0).length
  expect(await one.usedOf([counter])).toEqual([BigInt(counted)])
  expect(counted).toBeLessThanOrEqual(7)
})

test('a hold that one captures and the other releases is ended by one of them', async () => {
  const buyers = await Promise.all(Array.from({ length: 8 }, () => aBuyer(one, usdc('100'))))
  const holds = Array.from({ length: 240 }, (_, i) => holdOf(buyers[i % 8]!, usdc('1')))
  await Promise.all(holds.map((hold) => one.commit(unitOf(hold))))
  const ends = await Promise.all(
    holds.map(({ reference }) =>
      Promise.all([
        one.commit(unitOf(captureOf(reference, usdc('0.4')))),
        other.commit(unitOf(releaseOf(reference))),
      ]),
    ),
  )
  const winners = ends.map((both) => both.filter(({ accepted }) => accepted).length)
  expect(winners).toEqual(winners.map(() => 1))
  expect((await one.audit()).findings).toEqual([])
})

test('gateways that move the money of the same buyers in any order never wait in a circle', async () => {
  const buyers = await Promise.all(Array.from({ length: 12 }, () => aBuyer(one, usdc('1000'))))
  const counters = Array.from({ length: 5 }, () => counterOf(aReference(), 'spend', 1n, 10_000n))
  const pair = async (ledger: Ledger, i: number) => {
    const spread = [counters[i % 5]!, counters[(i * 3 + 1) % 5]!]
    const hold = holdOf(buyers[(i * 7) % 12]!, usdc('0.1'), { counters: [...new Set(spread)] })
    expect(verdictOf(await ledger.commit(unitOf(hold)))).toBe('accepted')
    const end = i % 3 === 0 ? releaseOf(hold.reference) : captureOf(hold.reference, usdc('0.05'))
    expect(verdictOf(await ledger.commit(unitOf(end)))).toBe('accepted')
  }
  await Promise.all(Array.from({ length: 600 }, (_, i) => pair(i % 2 === 0 ? one : other, i)))
})

test('what is paid in shows at once, and stays the same when it is folded into the balance', async () => {
  const account = await aBuyer(one, usdc('1'))
  const hold = holdOf(account, usdc('0.5'))
  const before = await one.earningsOf('acct_seller')
  await one.commit(unitOf(hold))
  await one.commit(unitOf(captureOf(hold.reference, usdc('0.4'), usdc('0.02'))))
  const after = await other.earningsOf('acct_seller')
  expect(after.earned - before.earned).toBe(usdc('0.4'))
  await Promise.all([one.tend(), other.tend()])
  expect(await one.earningsOf('acct_seller')).toEqual(after)
  expect(await store.query('select id from ledger_credits', [])).toEqual([])
})

test('rows that are large are written in several transactions, each whole', async () => {
  const { writer } = aSeatedWriter()
  const body = Buffer.alloc(5 * 1024 * 1024, 1)
  const accounts = Array.from({ length: 5 }, () => aReference())
  const units = accounts.map((account) => ({
    ...unitOf(grantOf(account, usdc('1'), account)),
    rows: [insertLarge([account, body])],
  }))
  expect(await writer.write(units)).toMatchObject(accounts.map(() => ({ accepted: true })))
  const marks = await store.query('select name from large', [])
  expect(marks).toHaveLength(accounts.length)
  await writer.close()
})

test('a batch with what cannot even be sent is not committed without it', async () => {
  const { writer } = aSeatedWriter()
  const name = aReference()
  const unsendable = {
    toPostgres: () => {
      throw new Error('no such value')
    },
  } as never
  const unit = { ...unitOf(grantOf(name, usdc('1'), name)), rows: [aRow(name, unsendable)] }
  await expect(writer.write([unit])).rejects.toThrow()
  expect(await one.balanceOf(name)).toMatchObject({ available: 0n })
  expect(await writer.write([linkedGrant(name)])).toMatchObject([{ accepted: true }])
  await writer.close()
})

/** A writer, and the chains of the seats that it took, in order. */
function aSeatedWriter() {
  const chains: string[] = []
  const writer = postgresBatchWriter({
    connect: () => connectPipeline(database.url),
    recorderOf: (chainId) => {
      chains.push(chainId)
      return linkRecorderOnPostgres()
    },
  })
  return { writer, chains }
}

/** As gateways do that start while the seats look free. */
async function takeSeats(): Promise<void> {
  await store
    .db('leases')
    .where('name', 'like', 'chain/%')
    .update({
      epoch: store.db.raw('epoch + 1'),
      previous_mark: store.db.raw('mark'),
      mark: 0,
    })
}

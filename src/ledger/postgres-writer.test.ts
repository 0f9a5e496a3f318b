import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { formatUsdc, nanos, parseUsdc } from '#core/money'
import { connectPipeline, openPostgresStore, type Pipeline, type PostgresStore } from '#store'
import { aPostgresUrl } from '../../test/support/a-postgres.js'
import type { Unit } from './ledger.js'
import { postgresBatchWriter } from './postgres-writer.js'

let database: Awaited<ReturnType<typeof aPostgresUrl>>
let store: PostgresStore

beforeAll(async () => {
  database = await aPostgresUrl()
  store = await openPostgresStore(database)
})

afterEach(() => {
  vi.restoreAllMocks()
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

test('a batch that was given up while nobody knew about it is not taken for the next one', async () => {
  const network = aNetwork()
  const writer = postgresBatchWriter({ connect: network.connect })
  await writer.write([grantTo('first', '1')])
  network.breakAtCommit()
  loseAllPatience()
  await expect(writer.write([grantTo('second', '2')])).rejects.toThrow('Connection terminated')

  network.mend()
  const [written] = await writer.write([grantTo('third', '3')])
  expect(written).toMatchObject({ accepted: true, results: [{ available: parseUsdc('3') }] })
  vi.restoreAllMocks()
  expect(await balances()).toEqual({ first: '1', second: '2', third: '3' })
  await writer.close()
})

function grantTo(account: string, amount: string): Unit {
  const reference = `grant-to-${account}`
  const grant = { kind: 'grant', reference, account, memo: 'test', atMs: 0 } as const
  return { commands: [{ ...grant, amount: parseUsdc(amount) }] }
}

/** The way to the server, which can break just when it has committed. */
function aNetwork() {
  let isDoomed = false
  let isBroken = false
  return {
    async connect(): Promise<Pipeline> {
      if (isBroken) throw lost()
      const { run, close } = await connectPipeline(database.url)
      return {
        close,
        async run<Row>(sql: string, values?: Parameters<Pipeline['run']>[1]) {
          const rows = await run<Row>(sql, values)
          if (sql !== 'commit' || !isDoomed) return rows
          isDoomed = false
          isBroken = true
          throw lost()
        },
      }
    },
    breakAtCommit() {
      isDoomed = true
    },
    mend() {
      isBroken = false
    },
  }
}

function lost(): Error {
  return new Error('Connection terminated unexpectedly')
}

/** Each look at the clock is an hour after the last one. */
function loseAllPatience(): void {
  let hours = 0
  vi.spyOn(performance, 'now').mockImplementation(() => ++hours * 60 * 60 * 1_000)
}

async function balances(): Promise<Record<string, string>> {
  const rows = await store.query<{ account: string; balance: bigint }>(
    `select split_part(address, ':', 2) as account, balance from ledger_accounts
     where address like 'buyer:%:available'`,
    [],
  )
  return Object.fromEntries(rows.map((row) => [row.account, formatUsdc(nanos(row.balance))]))
}

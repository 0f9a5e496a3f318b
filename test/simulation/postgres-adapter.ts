/** PostgreSQL, whose clock is that of the simulation, and to which the way may break. */
import pg from 'pg'
import { postgresBatchWriter, postgresLedger, serialWriter } from '#ledger'
import { loadKeyRing, receiptRecorderOnPostgres } from '#receipts'
import { connectPipeline, openPostgresStore, openServerForReading, type Pipeline } from '#store'
import { aPostgresUrl } from '../support/a-postgres.js'
import {
  type Adapter,
  atTheStart,
  type Connected,
  type Database,
  findingsOf,
  ISSUER,
  type Process,
  vault,
} from './adapter.js'

export const postgres: Adapter = { name: 'PostgreSQL', gateways: [1, 3, 3], open }

async function open(): Promise<Database> {
  const { url, drop } = await aPostgresUrl()
  const clock = await takeClock(url)
  const store = await openPostgresStore({ url })
  const ring = await loadKeyRing({ db: store.db, vault, clock: atTheStart })
  const readOnly = {
    write: () => Promise.reject(new Error('it only reads')),
    close: async () => {},
  }
  const ledger = postgresLedger({ store, clock: atTheStart, writer: readOnly })
  return {
    store,
    ledger,
    ring,
    connect,
    setClock: clock.set,
    findings: async () => findingsOf(ledger, await openServerForReading(url)),
    async close() {
      await clock.close()
      await store.close()
      await drop()
    },
  }

  async function connect(process: Process): Promise<Connected> {
    const pipelines: Pipeline[] = []
    const writer = postgresBatchWriter({
      async connect() {
        const pipeline = breaking(await connectPipeline(url), process)
        pipelines.push(pipeline)
        return pipeline
      },
      recorderOf: (chainId) =>
        receiptRecorderOnPostgres({ issuer: ISSUER, chainId, key: ring.current }),
    })
    return {
      ledger: postgresLedger({ store, clock: process.clock, writer: serialWriter(writer) }),
      store,
      abandon: async () => {
        await Promise.all(pipelines.map((pipeline) => pipeline.close().catch(() => {})))
      },
    }
  }
}

/** Some commits never arrive, and of some it is never heard that they did. */
function breaking(pipeline: Pipeline, { breaks }: Process): Pipeline {
  return {
    ...pipeline,
    async run<Row>(...asked: Parameters<Pipeline['run']>) {
      const broken = asked[0] === 'commit' ? breaks() : undefined
      if (broken === undefined) return pipeline.run<Row>(...asked)
      if (broken === 'after') await pipeline.run(...asked)
      await pipeline.close()
      throw Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })
    },
  }
}

/** From now on `clock_timestamp()` gives new connections to the database the time that was set. */
async function takeClock(url: string) {
  const client = new pg.Client(url)
  await client.connect()
  const database = new URL(url).pathname.slice(1)
  await client.query(`
    create table simulated_clock (at bigint not null);
    insert into simulated_clock values (${atTheStart.now()});
    create function clock_timestamp() returns timestamptz language sql volatile
      as 'select to_timestamp(at / 1000.0) from public.simulated_clock';
    alter database ${database} set search_path = public, pg_catalog`)
  return {
    async set(nowMs: number): Promise<void> {
      await client.query('update simulated_clock set at = $1', [nowMs])
    },
    close: () => client.end(),
  }
}

/** A PostgreSQL server for a benchmark, as durable as one with money in it has to be. */
import pg from 'pg'
import { startPostgres } from '../test/support/postgres-server.js'
import { processTree } from './process-tree.js'

export type Postgres = {
  /** The process that started all others of the server; `undefined` without `/proc`. */
  pid: number | undefined
  /** Makes an empty database. @returns its URL. */
  createDatabase(name: string): Promise<string>
  close(): Promise<void>
}

export async function startBenchPostgres(): Promise<Postgres> {
  const { url, close } = await startPostgres({ fsync: 'on' })
  return {
    pid: await connected(url, serverOf),
    async createDatabase(name) {
      await connected(url, (client) => client.query(`create database ${name}`))
      const own = new URL(url)
      own.pathname = name
      return own.href
    },
    close,
  }
}

/** Whoever answers a connection is a child of the server. */
async function serverOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return processTree(rows[0]!.pid)?.[0]?.parent
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

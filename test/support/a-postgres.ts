/** PostgreSQL for tests: an empty database on the server of the run, or a server of one's own. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type PostgresServer, startPostgres } from './postgres-server.js'

/**
 * A new database for one test file: empty, or a copy of one that nobody is connected to. `drop` ends
 * the connections that are still open.
 */
export async function aPostgresUrl(
  options: { copyOf?: string } = {},
): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject('postgresUrl')
  const name = `test_${randomBytes(8).toString('hex')}`
  // Copying the files takes a sixth of what the default does, which writes all of it to the log.
  const { copyOf } = options
  const template = copyOf === undefined ? 'template1' : new URL(copyOf).pathname.slice(1)
  await execute(server, `create database ${name} template ${template} strategy file_copy`)
  const url = new URL(server)
  url.pathname = name
  return { url: url.href, drop: () => execute(server, `drop database ${name} with (force)`) }
}

/** A server of its own, for tests that stop it: it syncs to disk, as one with money in it does. */
export function aPostgresServer(): Promise<PostgresServer> {
  return startPostgres({ fsync: 'on' })
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

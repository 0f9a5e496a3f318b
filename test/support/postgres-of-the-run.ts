/** The one PostgreSQL server of a test run: started before the first test file, closed after the last. */
import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the superuser of the run's server. */
    postgresUrl: string
    /** Where the gateways of this test file keep their state. */
    database: 'sqlite' | 'postgres'
  }
}

/** Vitest calls this once a run, and what it returns at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Without fsync, since these tests never cut the power: see `aPostgresServer` for those that crash.
  const server = await startPostgres({ fsync: 'off' })
  project.provide('postgresUrl', server.url)
  return server.close
}

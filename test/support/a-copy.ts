/** Copies of what a stopped gateway left behind, to be damaged or restored from, on either database. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import pg from 'pg'
import { type Config, readConfig } from '../../src/config.js'
import { aPostgresUrl } from './a-postgres.js'
import type { World } from './world.js'

export type Copy = {
  dataDir: string
  /** What a gateway on the copy is configured with. */
  settings: Record<string, string>
  /** Runs a statement past all foreign keys, and says how many rows it changed. */
  change(sql: string): Promise<number>
  remove(): Promise<void>
}

/** What a command is configured with that looks at the state of this world. */
export function settingsOf({ dataDir, started }: World): Record<string, string> {
  const { databaseUrl } = started.gateway.config
  return { SOUK_DATA_DIR: dataDir, ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }) }
}

/** A command's configuration, with nothing from a file, that takes any free port and logs nothing. */
export function configOf(settings: Record<string, string>): Config {
  const quiet = { PORT: '0', SOUK_LOG_LEVEL: 'silent' }
  return readConfig({ ...quiet, ...settings }, join(tmpdir(), 'none.yaml'))
}

/** The data folder of a world that was stopped and, where it has one, its database on the server. */
export async function aCopyOf({ dataDir: from, started }: World): Promise<Copy> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-copy-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  cpSync(from, folder, { recursive: true })
  const { databaseUrl } = started.gateway.config
  if (databaseUrl === undefined) {
    return {
      dataDir: folder,
      settings: { SOUK_DATA_DIR: folder },
      change: async (sql) => changeFile(join(folder, 'souk.db'), sql),
      remove: async () => removeFolder(),
    }
  }
  const database = await aPostgresUrl({ copyOf: databaseUrl })
  return {
    dataDir: folder,
    settings: { SOUK_DATA_DIR: folder, DATABASE_URL: database.url },
    change: (sql) => changeOnServer(database.url, sql),
    async remove() {
      await database.drop()
      removeFolder()
    },
  }
}

function changeFile(file: string, sql: string): number {
  const db = new SqliteDatabase(file)
  try {
    db.pragma('foreign_keys = OFF')
    return db.prepare(sql).run().changes
  } finally {
    db.close()
  }
}

async function changeOnServer(url: string, sql: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    return (await client.query(sql)).rowCount ?? 0
  } finally {
    await client.end()
  }
}

/** Souk in each of the homes that are wanted, with the PostgreSQL that some of them need. */
import { type Postgres, startBenchPostgres } from './postgres.js'
import type { Home } from './settings.js'

export type Homes<Opened> = { opened: Opened[]; close(): Promise<void> }

export async function openHomes<Opened>(
  homes: readonly Home[],
  open: (home: Home, postgres: Postgres | undefined) => Promise<Opened>,
): Promise<Homes<Opened>> {
  const postgres = homes.some((home) => home !== 'sqlite') ? await startBenchPostgres() : undefined
  const opened: Opened[] = []
  for (const home of homes) {
    console.error(`Opening ${home}`)
    opened.push(await open(home, postgres))
  }
  return { opened, close: async () => postgres?.close() }
}

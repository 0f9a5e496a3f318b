/** Whether search finds exactly what is published. It only reads, beside a running gateway too. */
import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { type Reader, settingOn } from '#store'
import { CATALOGUE } from './revision.js'

/** A gateway indexes right after it commits, so a difference must last to count. */
const TRIES = 4
const BETWEEN_MS = 250

/**
 * What is wrong with the index in `file`, `undefined` for nothing. A file that is not there is no
 * fault: the next start makes it.
 */
export async function searchFault(reader: Reader, file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined
  for (let tried = 1; ; tried++) {
    const fault = await faultNow(reader, file)
    if (fault === undefined || tried === TRIES) return fault
    await wait(BETWEEN_MS)
  }
}

async function faultNow(reader: Reader, file: string): Promise<string | undefined> {
  const indexed = readIndex(file)
  if (!indexed) return 'the search index cannot be read'
  const revision = (await settingOn(reader, CATALOGUE)) ?? '0'
  if (indexed.revision !== revision) {
    // Where gateways share a database, this one may stand still while others change the catalogue.
    return reader.kind === 'sqlite' ? 'the search index is behind the catalogue' : undefined
  }
  const published = new Set(await publishedEndpoints(reader))
  const missing = [...published].filter((id) => !indexed.endpointIds.has(id))
  const stray = [...indexed.endpointIds].filter((id) => !published.has(id))
  if (missing.length > 0) return `search does not find ${named(missing)}`
  return stray.length > 0 ? `search finds ${named(stray)}, not for sale` : undefined
}

function readIndex(file: string) {
  let index: Database.Database | undefined
  try {
    index = new Database(file, { readonly: true, fileMustExist: true })
    const ids = index.prepare<[], string>('select endpoint_id from documents').pluck().all()
    const revision = index.prepare("select value from state where name = 'revision'").pluck().get()
    return { endpointIds: new Set(ids), revision }
  } catch (error) {
    if (error instanceof Database.SqliteError) return undefined
    throw error
  } finally {
    index?.close()
  }
}

async function publishedEndpoints({ all }: Reader): Promise<string[]> {
  const sql = `select endpoint_id from endpoints join listings on listings.id = listing_id
    where listings.status = 'published' and endpoints.status = 'active'`
  const rows = await all<{ endpoint_id: string }>(sql)
  return rows.map(({ endpoint_id }) => endpoint_id)
}

function named(endpointIds: readonly string[]): string {
  const others = endpointIds.length - 1
  return endpointIds[0]! + (others === 0 ? '' : ` and ${others} more`)
}

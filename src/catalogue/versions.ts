/**
 * The versions of endpoints as they are stored. A version never changes once it is written: what
 * differs from the latest becomes the next one.
 */
import { canonicalJson } from '#core/canonical-json'
import { type Db, int, type Tx } from '#store'
import {
  ENDPOINT_COLUMNS,
  type Endpoint,
  type EndpointDefinition,
  type EndpointRow,
  toEndpoint,
} from './listing.js'
import { flagVersions } from './text-flags.js'
import type { TextReading } from './text-reading.js'

/** Endpoints that one statement reads or writes: some milliseconds of work. */
const PORTION = 100

/** Whether the document that a listing was imported from has the endpoint. */
export type ImportState = 'listed' | 'vanished'

/** An endpoint as it is stored, its definition still the text that it is compared by. */
export type StoredEndpoint = {
  endpointId: string
  slug: string
  status: Endpoint['status']
  version: number
  /** Canonical JSON of the definition. */
  text: string
  importState: ImportState | null
}

type Row = EndpointRow & { import_state: ImportState | null }

/** What is to be stored of an endpoint. */
export type Writing = {
  slug: string
  /** Canonical JSON of the definition; `undefined` where the latest version stays. */
  text: string | undefined
  version: number
  status: Endpoint['status']
  importState: ImportState | null
  /** Of a tool. */
  toolName?: string | undefined
  /** What was seen of its texts already; else they are looked at when they are written. */
  reading?: TextReading | undefined
}

/**
 * The latest version of each endpoint of a listing, or of those that `slugs` name: read in portions,
 * so that a large listing is never held whole.
 */
export async function* endpointsIn(
  db: Db,
  listingId: string,
  slugs?: readonly string[],
): AsyncGenerator<Endpoint> {
  if (slugs) {
    for (const portion of portionsOf(slugs)) {
      const rows: Row[] = await latestVersions(db)
        .where('endpoints.listing_id', listingId)
        .whereIn('endpoints.slug', portion)
      yield* rows.map(toEndpoint)
    }
    return
  }
  for (let after = '', isMore = true; isMore; ) {
    const endpoints = await endpointsAfter(db, listingId, after, PORTION)
    yield* endpoints
    isMore = endpoints.length === PORTION
    after = endpoints.at(-1)?.endpointId ?? after
  }
}

/** The next endpoints of a listing after the id `after`, in the order of their ids. */
export async function endpointsAfter(
  db: Db,
  listingId: string,
  after: string,
  limit: number,
): Promise<Endpoint[]> {
  const rows: Row[] = await latestVersions(db)
    .where('endpoints.listing_id', listingId)
    .where('endpoints.endpoint_id', '>', after)
    .orderBy('endpoints.endpoint_id')
    .limit(limit)
  return rows.map(toEndpoint)
}

export async function countEndpoints(db: Db, listingId: string): Promise<number> {
  const row = await db('endpoints').where({ listing_id: listingId }).count({ count: '*' }).first()
  return int(row!.count)
}

/** How many endpoints of a listing are sold. */
export async function countActive(db: Db, listingId: string): Promise<number> {
  const where = { listing_id: listingId, status: 'active' }
  const row = await db('endpoints').where(where).count({ count: '*' }).first()
  return int(row!.count)
}

/** Those of the slugs that the listing has, by slug. */
export async function storedEndpoints(
  db: Db | Tx,
  listing: { slug: string },
  slugs: readonly string[],
): Promise<Map<string, StoredEndpoint>> {
  const found = new Map<string, StoredEndpoint>()
  for (const portion of portionsOf(slugs)) {
    const ids = portion.map((slug) => endpointIdOf(listing, slug))
    const rows: Row[] = await latestVersions(db).whereIn('endpoints.endpoint_id', ids)
    for (const row of rows) found.set(row.slug, toStored(row))
  }
  return found
}

/**
 * Sells the definitions, by slug, from now on: each that differs from its latest version, or is no
 * longer sold, becomes a new version.
 */
export async function putEndpoints(
  tx: Tx,
  listing: { id: string; slug: string },
  definitions: ReadonlyMap<string, EndpointDefinition>,
  nowMs: number,
): Promise<void> {
  const stored = await storedEndpoints(tx, listing, [...definitions.keys()])
  const writings = [...definitions].flatMap(([slug, definition]): Writing[] => {
    const latest = stored.get(slug)
    const text = canonicalJson(definition)
    if (latest?.status === 'active' && latest.text === text) return []
    const version = (latest?.version ?? 0) + 1
    const importState = latest?.importState ?? null
    const toolName = 'name' in definition ? definition.name : undefined
    return [{ slug, text, version, status: 'active', importState, toolName }]
  })
  await writeEndpoints(tx, listing, writings, nowMs)
}

/** Stores what `writings` say, many rows in one statement. */
export async function writeEndpoints(
  tx: Tx,
  listing: { id: string; slug: string },
  writings: readonly Writing[],
  nowMs: number,
): Promise<void> {
  for (const portion of portionsOf(writings)) {
    const endpoints = portion.map(({ slug, version, status, importState, toolName }) => ({
      endpoint_id: endpointIdOf(listing, slug),
      listing_id: listing.id,
      slug,
      status,
      latest_version: version,
      import_state: importState,
      tool_name: toolName ?? null,
      created_at: nowMs,
    }))
    await tx('endpoints')
      .insert(endpoints)
      .onConflict('endpoint_id')
      .merge(['status', 'latest_version', 'import_state', 'tool_name'])
    const versions = portion
      .filter((writing): writing is Writing & { text: string } => writing.text !== undefined)
      .map(({ slug, version, text, reading }) => ({
        row: { endpoint_id: endpointIdOf(listing, slug), version, definition: text },
        reading,
      }))
    if (versions.length === 0) continue
    const rows = versions.map(({ row }) => ({ ...row, created_at: nowMs }))
    await tx('endpoint_versions').insert(rows)
    const read = versions.map(({ row, reading }) => ({ ...row, reading }))
    await flagVersions(tx, listing, read, nowMs)
  }
}

export function endpointIdOf(listing: { slug: string }, slug: string): string {
  return `${listing.slug}.${slug}`
}

function latestVersions(db: Db | Tx) {
  return db('endpoints')
    .join('endpoint_versions', (join) =>
      join
        .on('endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
        .andOn('endpoints.latest_version', 'endpoint_versions.version'),
    )
    .select(...ENDPOINT_COLUMNS)
}

function toStored(row: Row): StoredEndpoint {
  return {
    endpointId: row.endpoint_id,
    slug: row.slug,
    status: row.status === 'retired' ? 'retired' : 'active',
    version: int(row.version),
    text: row.definition,
    importState: row.import_state,
  }
}

function portionsOf<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / PORTION)
  return Array.from({ length: count }, (_, i) => all.slice(i * PORTION, (i + 1) * PORTION))
}

/**
 * Flags: text of sellers that looks like an instruction to the model that reads it. Each is kept
 * with the version that brought it, for the operator alone, until the operator clears it.
 */
import type { Along } from '#accounts'
import { toRfc3339 } from '#core/clock'
import { isId, newId } from '#core/ids'
import { decodeCursor, encodeCursor } from '#core/page'
import { plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { escapePointer } from '#schemas'
import { type Db, int, intOrNull, type Store, type Tx } from '#store'
import { revealed, type Suspicion, suspicionsIn } from './suspicions.js'
import type { TextReading } from './text-reading.js'

const MAX_PLACE = 200
/** Flags of one statement; SQLite takes 500 at most. */
const PORTION = 100
/** Names of other endpoints that are looked up for one version. */
const MAX_NAMES = 50
const ENDPOINT_NAME = /(?<![\w.-])[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}(?![\w-]|\.\w)/g
const NAMES_ANOTHER = 'names-another'

/** A text that was written: of an endpoint's version, or of the listing itself. */
type Written = {
  endpointId: string
  version: number | null
  json: string
  /** What was seen of it already. */
  reading?: TextReading | undefined
}
type Found = Suspicion & { place: string }

type Row = {
  id: string
  listing_id: string
  endpoint_id: string
  version: number | bigint | null
  rule: string
  place: string
  excerpt: string
  created_at: bigint
  cleared_at: bigint | null
  slug: string
  status: string
  seller_id: string
  latest_version: number | bigint | null
}

/**
 * Flags what new versions of endpoints say. What was flagged before with the same words, cleared or
 * not, is not flagged again.
 *
 * @param versions `definition` is JSON.
 */
export function flagVersions(
  tx: Tx,
  listing: { id: string; slug: string },
  versions: readonly {
    endpoint_id: string
    version: number
    definition: string
    reading?: TextReading | undefined
  }[],
  nowMs: number,
): Promise<void> {
  const written = versions.map(({ endpoint_id, version, definition, reading }) => ({
    endpointId: endpoint_id,
    version,
    json: definition,
    reading,
  }))
  return flag(tx, listing, written, nowMs)
}

/** Flags what the listing says of itself; those texts have no version. */
export function flagListing(
  tx: Tx,
  listing: { id: string; slug: string },
  texts: { title?: unknown; description?: unknown; provider?: unknown },
  nowMs: number,
): Promise<void> {
  const { title, description, provider } = texts
  const json = JSON.stringify({ title, description, provider })
  return flag(tx, listing, [{ endpointId: '', version: null, json }], nowMs)
}

/** A tool whose server gave it another definition. */
export type Redefined = { endpointId: string; version: number; excerpt: string }

/** Flags that a server changed what its tool is, whatever it says now. */
export async function flagRedefined(
  tx: Tx,
  listing: { id: string },
  redefined: readonly Redefined[],
  nowMs: number,
): Promise<void> {
  const rows = redefined.map(({ endpointId, version, excerpt }) => ({
    ...{ id: newId('flag', nowMs), listing_id: listing.id, endpoint_id: endpointId, version },
    ...{ rule: 'definition-changed', place: '', excerpt, created_at: nowMs },
  }))
  await insertFlags(tx, rows)
}

/** What the operator has not cleared yet. */
export async function countOpenFlags(db: Db): Promise<number> {
  const row = await db('text_flags').whereNull('cleared_at').count({ count: '*' }).first()
  return int(row!.count)
}

export type FlagQuery = {
  state: 'open' | 'cleared' | 'all'
  limit: number
  cursor?: string | undefined
}

/** The flags, the latest first. */
export async function listFlags(db: Db, { state, limit, cursor }: FlagQuery) {
  const before = cursor === undefined ? undefined : decodeCursor(cursor, isFlagId)
  const rows: Row[] = await db('text_flags')
    .join('listings', 'listings.id', 'text_flags.listing_id')
    .leftJoin('endpoints', 'endpoints.endpoint_id', 'text_flags.endpoint_id')
    .modify((query) => {
      if (state === 'open') query.whereNull('text_flags.cleared_at')
      if (state === 'cleared') query.whereNotNull('text_flags.cleared_at')
      if (before !== undefined) query.where('text_flags.id', '<', before)
    })
    .orderBy('text_flags.id', 'desc')
    .limit(limit + 1)
    .select('text_flags.*', 'listings.slug', 'listings.status', 'listings.seller_id')
    .select('endpoints.latest_version')
  const page = rows.slice(0, limit)
  return {
    flags: page.map(showFlag),
    ...(rows.length > limit && { next_cursor: encodeCursor(page.at(-1)!.id) }),
  }
}

/**
 * Clears a flag: the operator has looked, and lets the text stand.
 *
 * @throws Problem `not_found` when there is no such flag.
 */
export async function clearFlag(
  store: Store,
  { id, nowMs, along }: { id: string; nowMs: number; along?: Along | undefined },
): Promise<void> {
  const known = isFlagId(id) && (await store.db('text_flags').where({ id }).first('id'))
  if (!known) throw new Problem('not_found', 'There is no such flag.')
  await store.inTransaction(async (tx) => {
    await tx('text_flags').where({ id }).whereNull('cleared_at').update({ cleared_at: nowMs })
    await along?.(tx, id)
  })
}

function showFlag(row: Row) {
  const latestVersion = intOrNull(row.latest_version)
  return {
    id: row.id,
    rule: row.rule,
    excerpt: row.excerpt,
    place: row.place,
    listing: { id: row.listing_id, slug: row.slug, status: row.status, seller_id: row.seller_id },
    ...(row.version !== null && {
      endpoint_id: row.endpoint_id,
      version: int(row.version),
      latest_version: latestVersion,
    }),
    at: toRfc3339(int(row.created_at)),
    ...(row.cleared_at !== null && { cleared_at: toRfc3339(int(row.cleared_at)) }),
  }
}

function isFlagId(id: unknown): id is string {
  return isId('flag', id)
}

async function flag(
  tx: Tx,
  listing: { id: string; slug: string },
  written: readonly Written[],
  nowMs: number,
): Promise<void> {
  const others = await othersNamedIn(tx, listing, written)
  const rows = written.flatMap(({ endpointId, version, json, reading }) =>
    foundIn(json, others, reading?.isSuspect ?? isSuspectJson(json)).map((found) => ({
      ...found,
      id: newId('flag', nowMs),
      listing_id: listing.id,
      endpoint_id: endpointId,
      version,
      created_at: nowMs,
    })),
  )
  await insertFlags(tx, rows)
}

async function insertFlags(tx: Tx, rows: readonly Record<string, unknown>[]): Promise<void> {
  const same = ['listing_id', 'endpoint_id', 'rule', 'excerpt']
  for (let i = 0; i < rows.length; i += PORTION) {
    await tx('text_flags')
      .insert(rows.slice(i, i + PORTION))
      .onConflict(same)
      .ignore()
  }
}

/** Endpoints of other listings that the texts name. */
async function othersNamedIn(
  tx: Tx,
  listing: { id: string; slug: string },
  written: readonly Written[],
): Promise<Set<string>> {
  const names = written.flatMap(({ json, reading }) => {
    const named = (reading?.names ?? endpointNamesIn(json)).filter(
      (it) => !it.startsWith(`${listing.slug}.`),
    )
    return [...new Set(named)].slice(0, MAX_NAMES)
  })
  if (names.length === 0) return new Set()
  const distinct = [...new Set(names)].slice(0, 10 * MAX_NAMES)
  const rows = await tx('endpoints')
    .whereIn('endpoint_id', distinct)
    .whereNot('listing_id', listing.id)
    .select('endpoint_id')
  return new Set(rows.map((row) => row.endpoint_id as string))
}

/** What looks like ids of endpoints in the texts of `json`. */
export function endpointNamesIn(json: string): string[] {
  return json.match(ENDPOINT_NAME) ?? []
}

/** Whether one look at all texts of `json` together finds something suspect; most have nothing. */
export function isSuspectJson(json: string): boolean {
  return suspicionsIn(revealed(json).replace(/\\[nrt]|[*`"\\]+|\b_|_\b/g, ' ')).length > 0
}

/** What is suspect in the texts of `json`, the first of each rule. */
function foundIn(json: string, others: ReadonlySet<string>, isSuspect: boolean): Found[] {
  const isNamed = others.size > 0
  if (!isSuspect && !isNamed) return []
  const found = new Map<string, Found>()
  for (const { place, text } of textsIn(JSON.parse(json))) {
    const plain = plainText(revealed(text))
    for (const suspicion of [...suspicionsIn(plain), ...namesIn(plain, others)]) {
      if (!found.has(suspicion.rule)) found.set(suspicion.rule, { ...suspicion, place })
    }
  }
  return [...found.values()]
}

function namesIn(text: string, others: ReadonlySet<string>): Suspicion[] {
  const name =
    others.size === 0 ? undefined : text.match(ENDPOINT_NAME)?.find((it) => others.has(it))
  return name === undefined ? [] : [{ rule: NAMES_ANOTHER, excerpt: name }]
}

/** All texts within a JSON value, names of members too, each with its place as a JSON pointer. */
function* textsIn(root: unknown): Generator<{ place: string; text: string }> {
  const open: { value: unknown; at: string }[] = [{ value: root, at: '' }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, at } = next
    if (typeof value === 'string') yield { place: at.slice(0, MAX_PLACE), text: value }
    if (typeof value !== 'object' || value === null) continue
    for (const [name, member] of Object.entries(value).reverse()) {
      const place = `${at}/${escapePointer(name)}`
      if (!Array.isArray(value)) yield { place: place.slice(0, MAX_PLACE), text: name }
      open.push({ value: member, at: place })
    }
  }
}

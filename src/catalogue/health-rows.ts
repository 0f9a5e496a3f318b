/** What is stored of the health of listings, by slug. */

import { defined } from '#core/defined'
import { int, intOrNull, nextRevision, type Store, type Tx } from '#store'
import {
  type Finding,
  FURTHEST_MS,
  type Health,
  nextSlotMs,
  probeEveryMs,
  RETRY_MS,
} from './health.js'
import {
  type Listing,
  type ListingRow,
  type ListingStatus,
  type Notice,
  toListing,
} from './listing.js'
import type { ListingLimits, ProbeTerms } from './listing-schema.js'
import { CATALOGUE } from './revision.js'

/** How long after a change a listing is looked at, in ms; several changes have one look. */
const SOON_MS = 5 * 60 * 1_000
/** Accounts that are remembered as having seen failures. */
const MAX_WITNESSES = 3

type HealthRow = {
  slug: string
  failures: bigint
  failing_since: bigint | null
  failing_for: string
  last_probed: string | null
  due_at: bigint | null
  paused_at: bigint | null
  resume_at: bigint | null
  resumed_at: bigint | null
  pauses: bigint | number
}

/** A listing that has to be looked at now. */
export type Due = { listing: Listing; dueAtMs: number; lastProbed: string; isFailing: boolean }

/** Failures of a listing in a row, seen by calls; `wasUp` where an answer was delivered before them. */
export type Streak = {
  wasUp: boolean
  failures: number
  sinceMs: number
  accounts: ReadonlySet<string>
}

type Watched = {
  slug: string
  probe?: ProbeTerms | undefined
  limits?: ListingLimits | undefined
}

const HEALTHY = { failures: 0, failing_since: null, failing_for: '[]' }

/**
 * Starts or ends the watch over a listing whose status its seller or its file set: what the gateway
 * thought of its health no longer holds. To be called in the transaction of that change.
 */
export async function watchAnew(
  tx: Tx,
  { slug, probe = {}, limits = {} }: Watched,
  status: ListingStatus,
  nowMs: number,
): Promise<void> {
  const isOnSale = status === 'published'
  const dueAtMs = isOnSale ? nextSlotMs(slug, nowMs, probeEveryMs(probe, limits)) : null
  const resumed_at = tx.raw(
    'case when listing_health.paused_at is null then listing_health.resumed_at else ? end',
    [nowMs],
  )
  await tx('listings').where({ slug }).update({ notice: null })
  await tx('listing_health')
    .insert({ slug, due_at: dueAtMs })
    .onConflict('slug')
    .merge({ ...HEALTHY, due_at: dueAtMs, resumed_at, paused_at: null, resume_at: null })
}

/**
 * A listing that was changed is looked at soon; one that is paused for its health, and perhaps mended
 * now, at once.
 */
export async function lookAgain(tx: Tx, slug: string, nowMs: number): Promise<void> {
  const health = () => tx('listing_health').where({ slug })
  const soonMs = nowMs + SOON_MS
  await health().whereNull('paused_at').where('due_at', '>', soonMs).update({ due_at: soonMs })
  await health().whereNotNull('paused_at').update({ due_at: nowMs, resume_at: nowMs })
}

/**
 * Listings that are due, those that wait longest first, then those that a clock that ran ahead put
 * further off than any look can be.
 */
export async function dueListings(store: Store, nowMs: number, limit: number): Promise<Due[]> {
  const rows: (ListingRow & HealthRow)[] = []
  for (const [when, atMs] of [
    ['due_at <= ?', nowMs],
    ['due_at > ?', nowMs + FURTHEST_MS],
  ] as const) {
    const sql = `select * from listing_health join listings using (slug)
      where ${when} order by due_at limit ?`
    rows.push(...(await store.query<ListingRow & HealthRow>(sql, [atMs, limit - rows.length])))
  }
  return rows.map((row) => ({
    listing: toListing(row),
    dueAtMs: int(row.due_at),
    lastProbed: row.last_probed ?? '',
    isFailing: int(row.failures) > 0 || row.paused_at !== null,
  }))
}

/** When the endpoint was last called or probed, in ms; 0 for never. */
export async function checkedAtOf({ db }: Store, endpointId: string): Promise<number> {
  const row = await db('endpoint_standings').where({ endpoint_id: endpointId }).first('checked_at')
  return int(row?.checked_at ?? 0)
}

/** Puts the next look at a listing off. */
export type Turn = { slug: string; fromMs: number; toMs: number; lastProbed?: string | undefined }

/**
 * Takes turns, but for those that somebody else took or that changed meanwhile: of gateways that want
 * the same look one gets it.
 *
 * @returns the slugs of those that were taken.
 */
export function takeTurns(store: Store, turns: readonly Turn[]): Promise<Set<string>> {
  // In one order, so that gateways do not wait for one another in a ring.
  const inOrder = turns.toSorted((a, b) => (a.slug < b.slug ? -1 : 1))
  return store.inTransaction(async (tx) => {
    const taken = new Set<string>()
    for (const { slug, fromMs, toMs, lastProbed } of inOrder) {
      const changed = await tx('listing_health')
        .where({ slug, due_at: fromMs })
        .update({ due_at: toMs, ...defined({ last_probed: lastProbed }) })
      if (changed === 1) taken.add(slug)
    }
    return taken
  })
}

/** Counts what a probe found, and gives the health that it leaves. */
export async function noteFinding(
  { db }: Store,
  slug: string,
  finding: Finding,
  nowMs: number,
): Promise<Health> {
  const row = db('listing_health').where({ slug })
  if (finding === 'up') await row.clone().where('failures', '>', 0).update(HEALTHY)
  if (finding === 'down') {
    const failing_since = db.raw('case when failing_since < ? then failing_since else ? end', [
      nowMs,
      nowMs,
    ])
    await row.clone().update({ failures: db.raw('failures + 1'), failing_since })
  }
  return toHealth(await row.first())
}

function toHealth(row: HealthRow): Health {
  return {
    failures: int(row.failures),
    failingSinceMs: intOrNull(row.failing_since),
    witnesses: JSON.parse(row.failing_for).length,
    pausedAtMs: intOrNull(row.paused_at),
    resumeAtMs: intOrNull(row.resume_at),
    resumedAtMs: intOrNull(row.resumed_at),
    pauses: int(row.pauses),
  }
}

/** Counts what calls saw. Where failures begin, the listing is looked at soon. */
export async function addStreaks(
  store: Store,
  streaks: ReadonlyMap<string, Streak>,
): Promise<void> {
  const slugs = [...streaks.keys()]
  const isQuiet = [...streaks.values()].every(({ failures }) => failures === 0)
  const failing = store.db('listing_health').whereIn('slug', slugs).where('failures', '>', 0)
  if (isQuiet && !(await failing.first('slug'))) return
  await store.inTransaction(async (tx) => {
    // Locked in one order, so that gateways that count at once do not wait for one another in a ring.
    const rows: HealthRow[] = await tx('listing_health')
      .whereIn('slug', slugs)
      .whereNotNull('due_at')
      .orderBy('slug')
      .forUpdate()
    for (const row of rows) {
      const change = addStreak(row, streaks.get(row.slug)!)
      if (change) await tx('listing_health').where({ slug: row.slug }).update(change)
    }
  })
}

function addStreak(row: HealthRow, { wasUp, failures, sinceMs, accounts }: Streak) {
  const before = wasUp ? HEALTHY : row
  if (failures === 0) return int(row.failures) === 0 ? undefined : HEALTHY
  const seenBy = new Set<string>([...JSON.parse(before.failing_for), ...accounts])
  return {
    failures: int(before.failures) + failures,
    failing_since: Math.min(intOrNull(before.failing_since) ?? sinceMs, sinceMs),
    failing_for: JSON.stringify([...seenBy].slice(0, MAX_WITNESSES)),
    due_at: Math.min(int(row.due_at), sinceMs + RETRY_MS),
  }
}

/**
 * Takes a listing off sale because it keeps failing.
 *
 * @returns whether it was on sale until now.
 */
export function pauseForHealth(
  store: Store,
  slug: string,
  { notice, resumeAtMs, pauses }: { notice: Notice; resumeAtMs: number; pauses: number },
): Promise<boolean> {
  const change = { status: 'paused', notice: JSON.stringify(notice), updated_at: notice.atMs }
  const health = { paused_at: notice.atMs, resume_at: resumeAtMs, due_at: resumeAtMs, pauses }
  return store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, CATALOGUE)
    const listing = tx('listings').where({ slug, status: 'published' })
    if ((await listing.update({ ...change, revision })) === 0) return false
    await tx('listing_health').where({ slug }).update(health)
    return true
  })
}

/**
 * Puts a listing back on sale that was paused for its health, and only such a one: a pause of its
 * seller stays.
 *
 * @returns whether it was paused so until now.
 */
export function resumeListing(
  store: Store,
  slug: string,
  { nowMs, dueAtMs }: { nowMs: number; dueAtMs: number },
): Promise<boolean> {
  const health = { ...HEALTHY, paused_at: null, resume_at: null, resumed_at: nowMs }
  return store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, CATALOGUE)
    const changed = await tx('listings')
      .where({ slug, status: 'paused' })
      .whereNotNull('notice')
      .update({ status: 'published', notice: null, updated_at: nowMs, revision })
    if (changed === 0) return false
    await tx('listing_health')
      .where({ slug })
      .update({ ...health, due_at: dueAtMs })
    return true
  })
}

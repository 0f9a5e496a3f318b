/**
 * Looks at the health of what is on sale: sends an example call to one endpoint of each listing now
 * and then, pauses listings that keep failing and brings back those that recovered. Each listing has
 * its time in the database, so a round reads only what is due, and of several gateways one looks.
 */
import { setMaxListeners } from 'node:events'
import { type Clock, toRfc3339 } from '#core/clock'
import type { Store } from '#store'
import { createConnectionWatch } from './connection-watch.js'
import { createExampleCalls, type ExampleDeps, type Found } from './example-call.js'
import { type Finding, nextSlotMs, nextStep, probeEveryMs, RETRY_MS } from './health.js'
import {
  checkedAtOf,
  type Due,
  dueListings,
  noteFinding,
  pauseForHealth,
  resumeListing,
  type Turn,
  takeTurns,
} from './health-rows.js'
import { type Endpoint, type Listing, urlOf } from './listing.js'
import { nextProbed } from './next-probed.js'
import type { Standings } from './standing.js'

/** Looks a round: with a round every five seconds, at most ten a second over all listings. */
const LOOKS_PER_ROUND = 50
/** Of those, the most that go to one host. */
const PER_HOST = 2
const AT_ONCE = 16
/** About how long what finds its host taken is put off. */
const CROWDED_MS = 5 * 60_000

type Deps = ExampleDeps & {
  store: Store
  clock: Clock
  standings: Pick<Standings, 'observe'>
  /** Makes what was changed visible on this gateway. */
  follow(): Promise<void>
}

/** Who is told what happens to the health of listings. */
export type HealthReport = {
  probed(event: { endpointId: string; finding: Finding }): void
  listingPaused(event: { listing: string; reason: string }): void
  listingResumed(event: { listing: string }): void
}

export type Round = {
  /** Whether the listing's own limits leave room for a probe beside its buyers' calls. */
  hasRoom(listing: Listing): Promise<boolean>
  report: HealthReport
  /** Ends the round early; what it was about is looked at another time. */
  signal: AbortSignal
}

/** What is to be done about a listing that is due. */
type Look = {
  listing: Listing
  /** Absent where no probe can tell. */
  endpoint: Endpoint | undefined
  /** Whether a call told lately what a probe would: it costs the seller nothing more. */
  isFresh: boolean
  turn: Turn
  /** Its next regular look. */
  slotMs: number
}

/** @returns looks at the listings that are due now, at most 50. */
export function createHealthRounds(deps: Deps): (round: Round) => Promise<void> {
  const { store, clock } = deps
  const exampleCall = createExampleCalls(deps)
  const connection = createConnectionWatch()

  return async (round) => {
    // Each probe that is on its way listens.
    setMaxListeners(AT_ONCE, round.signal)
    const due = await dueListings(store, clock.now(), LOOKS_PER_ROUND)
    if (due.length === 0) return
    const { first, crowded } = byHost(due)
    const looks: Look[] = []
    for (const one of first) looks.push(await plan(one))
    const later = crowded.map(({ listing: { slug }, dueAtMs }): Turn => {
      return { slug, fromMs: dueAtMs, toMs: nextSlotMs(slug, clock.now(), CROWDED_MS) }
    })
    const taken = await takeTurns(store, [...looks.map(({ turn }) => turn), ...later])
    const open = looks.filter(({ turn, isFresh }) => taken.has(turn.slug) && !isFresh)
    await atOnce(open, async (look) => {
      if (!round.signal.aborted) await settle(look, await find(look, round), round.report)
    })
  }

  /** Which endpoint to try, where calls have not told as much already. */
  async function plan({ listing, dueAtMs, lastProbed, isFailing }: Due): Promise<Look> {
    const nowMs = clock.now()
    const everyMs = probeEveryMs(listing.probe, listing.limits)
    const slotMs = nextSlotMs(listing.slug, nowMs, everyMs)
    const { endpoint, lastLookedAt } = await nextProbed(deps, listing, lastProbed)
    const checkedAtMs = endpoint ? await checkedAtOf(store, endpoint.endpointId) : 0
    const isFresh = !isFailing && Math.abs(nowMs - checkedAtMs) < everyMs / 2
    // Where all is well, the turn is all that is written; a look that a crash ends is made up for.
    const toMs = isFailing ? nowMs + RETRY_MS : slotMs
    const turn = { slug: listing.slug, fromMs: dueAtMs, toMs, lastProbed: lastLookedAt }
    return { listing, endpoint, isFresh, turn, slotMs }
  }

  async function find(
    { listing, endpoint }: Look,
    { hasRoom, report, signal }: Round,
  ): Promise<Found> {
    if (!endpoint) return { finding: 'untold', reason: 'Calls alone can tell.' }
    if (!(await hasRoom(listing))) return { finding: 'later', reason: 'It is busy.' }
    return observed(endpoint, await exampleCall(listing, endpoint, signal), report)
  }

  /** Counts what a probe found, unless it is this gateway that is cut off. */
  function observed(endpoint: Endpoint, found: Found, report: HealthReport): Found {
    const { finding, latencyMs, isSilent } = found
    const url = urlOf(endpoint.definition)
    if (isSilent !== undefined && url) connection.note(url.href, isSilent)
    const isOurs = isSilent === true && connection.isCutOff()
    const own: Found = isOurs ? { finding: 'later', reason: found.reason } : found
    report.probed({ endpointId: endpoint.endpointId, finding: own.finding })
    if ((own.finding === 'up' || own.finding === 'down') && latencyMs !== undefined) {
      const { endpointId } = endpoint
      const delivered = finding === 'up'
      deps.standings.observe({ endpointId, delivered, latencyMs, atMs: clock.now() })
    }
    return own
  }

  async function settle(
    { turn: { slug, toMs }, slotMs }: Look,
    { finding, reason }: Found,
    report: HealthReport,
  ): Promise<void> {
    const nowMs = clock.now()
    const health = await noteFinding(store, slug, finding, nowMs)
    const next = nextStep(health, finding, nowMs, slotMs)
    if (next.move === 'none') {
      if (next.dueAtMs !== toMs)
        await takeTurns(store, [{ slug, fromMs: toMs, toMs: next.dueAtMs }])
      return
    }
    if (next.move === 'resume') {
      if (!(await resumeListing(store, slug, { nowMs, dueAtMs: next.dueAtMs }))) return
      report.listingResumed({ listing: slug })
    } else {
      const detail = detailOf(health.failures, reason, next.resumeAtMs)
      const notice = { code: 'health' as const, atMs: nowMs, detail }
      if (!(await pauseForHealth(store, slug, { ...next, notice }))) return
      report.listingPaused({ listing: slug, reason })
    }
    await deps.follow()
  }
}

function detailOf(failures: number, reason: string, resumeAtMs: number): string {
  return (
    `Paused after ${failures} failures in a row; the last: ${reason} ` +
    `It is tried again from ${toRfc3339(resumeAtMs)} on and comes back by itself when it works. ` +
    'Publish it once it is mended to have it back at once.'
  )
}

/** At most a few for each host; the rest is crowded out. */
function byHost(due: readonly Due[]): { first: Due[]; crowded: Due[] } {
  const counts = new Map<string, number>()
  const first: Due[] = []
  const crowded: Due[] = []
  for (const one of due) {
    const { backend, slug } = one.listing
    const host = backend.type === 'http' ? new URL(backend.base_url).host : slug
    const count = counts.get(host) ?? 0
    counts.set(host, count + 1)
    if (count < PER_HOST) first.push(one)
    else crowded.push(one)
  }
  return { first, crowded }
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/**
 * The policy of health: when a listing is looked at, when it is paused because it keeps failing, and
 * when it comes back. Pure.
 */
import { sha256Hex } from '#core/canonical-json'
import type { ListingLimits, ProbeTerms } from './listing-schema.js'

const MINUTE_MS = 60 * 1_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** How often a listing is probed unless its seller says otherwise. */
const PROBE_EVERY_MS = 15 * MINUTE_MS
/** The share of a listing's calls a day that the default takes for itself. */
const SHARE_OF_DAY = 0.01
/** How soon a listing is looked at again after a failure. */
export const RETRY_MS = 3 * MINUTE_MS
/** This many failures in a row, over at least this time, pause a listing. */
const SUSTAINED_FAILURES = 5
const SUSTAINED_MS = 10 * MINUTE_MS
/** Where no probe can tell, at least so many accounts have to see the failures: one could cause them. */
const WITNESSES = 2
/** The shortest pause. It doubles each time that a listing fails again within a day. */
const PAUSE_MS = 5 * MINUTE_MS
const LONGEST_PAUSE_MS = 6 * HOUR_MS
/** The furthest that any look is away; one that is further was set by a clock that ran ahead. */
export const FURTHEST_MS = 2 * DAY_MS
/** The longest wait between two probes of a listing that stays down. */
const LONGEST_WAIT_MS = HOUR_MS

/** What looking at a listing brought. */
export type Finding =
  | 'up'
  | 'down'
  /** Nothing could be tried, or what came says nothing: calls alone can tell. */
  | 'untold'
  /** Not the right moment: the listing was busy, the provider asks to wait, this gateway is cut off. */
  | 'later'

export type Health = {
  /** Failures since the last success, of calls and probes, since when, and for how many accounts. */
  failures: number
  failingSinceMs: number | null
  witnesses: number
  /** Set while it is paused for its health; it stays so until `resumeAtMs` at least. */
  pausedAtMs: number | null
  resumeAtMs: number | null
  /** When it last came back, and how many pauses followed each other closely until then. */
  resumedAtMs: number | null
  pauses: number
}

export type Next =
  | { move: 'none'; dueAtMs: number }
  | { move: 'pause'; resumeAtMs: number; pauses: number }
  | { move: 'resume'; dueAtMs: number }

/** What follows from a finding. `health` has it counted already; `slotMs` is the next regular look. */
export function nextStep(health: Health, finding: Finding, nowMs: number, slotMs: number): Next {
  if (health.pausedAtMs !== null) return nextOfPaused(health, finding, nowMs, health.pausedAtMs)
  if (finding !== 'later' && finding !== 'up' && isDown(health, finding, nowMs)) {
    const { resumedAtMs } = health
    const isSoon = resumedAtMs !== null && nowMs - resumedAtMs < DAY_MS
    const pauses = isSoon ? health.pauses + 1 : 1
    const pauseMs = Math.min(PAUSE_MS * 2 ** (pauses - 1), LONGEST_PAUSE_MS)
    return { move: 'pause', resumeAtMs: nowMs + pauseMs, pauses }
  }
  // Where a probe said nothing, calls that fail bring the next look forward.
  return { move: 'none', dueAtMs: finding === 'down' ? nowMs + RETRY_MS : slotMs }
}

function isDown(health: Health, finding: 'down' | 'untold', nowMs: number): boolean {
  const { failures, failingSinceMs, witnesses } = health
  const isSustained =
    failures >= SUSTAINED_FAILURES &&
    failingSinceMs !== null &&
    nowMs - failingSinceMs >= SUSTAINED_MS
  return isSustained && (finding === 'down' || witnesses >= WITNESSES)
}

/** It comes back when a probe succeeds; where none can tell, on trial, when its pause is over. */
function nextOfPaused(health: Health, finding: Finding, nowMs: number, pausedAtMs: number): Next {
  const restMs = (health.resumeAtMs ?? nowMs) - nowMs
  // Longer than any pause: the clock was set back meanwhile.
  const waitMs = restMs > LONGEST_PAUSE_MS ? 0 : Math.max(restMs, 0)
  if ((finding === 'up' || finding === 'untold') && waitMs === 0) {
    return { move: 'resume', dueAtMs: nowMs + RETRY_MS }
  }
  const asLongAgain = Math.min(Math.max(nowMs - pausedAtMs, PAUSE_MS), LONGEST_WAIT_MS)
  return { move: 'none', dueAtMs: nowMs + Math.max(waitMs, asLongAgain) }
}

/** How often a listing is probed, in ms. */
export function probeEveryMs(terms: ProbeTerms, { per_day }: ListingLimits): number {
  if (terms !== 'off' && terms.every_minutes !== undefined) return terms.every_minutes * MINUTE_MS
  if (per_day === undefined) return PROBE_EVERY_MS
  return Math.max(PROBE_EVERY_MS, DAY_MS / Math.max(1, Math.floor(per_day * SHARE_OF_DAY)))
}

/**
 * When to look at a listing next: every listing has its own place in the interval, so that they are
 * spread over it however many came at once. At least a third of the interval from now.
 */
export function nextSlotMs(slug: string, nowMs: number, everyMs: number): number {
  const place = Number.parseInt(sha256Hex(slug).slice(0, 8), 16) / 2 ** 32
  const earliest = nowMs + everyMs / 3
  const offset = place * everyMs
  return Math.round(Math.ceil((earliest - offset) / everyMs) * everyMs + offset)
}

/** Time: whole milliseconds since the epoch, UTC, in code and in both databases. */
export type Clock = { now(): number }

export const systemClock: Clock = { now: () => Date.now() }

/** A clock that stands still until told otherwise, for tests. */
export function handClock(
  startMs = Date.UTC(2026, 0, 15, 12),
): Clock & { advance(ms: number): void } {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms
    },
  }
}

/** RFC 3339 with milliseconds, for the wire. */
export function toRfc3339(ms: number): string {
  return new Date(ms).toISOString()
}

/** For libraries that want one. */
export function asDate(ms: number): Date {
  return new Date(ms)
}

const RFC_3339 = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/

/** Milliseconds of an RFC 3339 time, or of the start of a UTC date, `undefined` when it is neither. */
export function fromRfc3339(text: string): number | undefined {
  const day = RFC_3339.exec(text)?.[1]
  const ms = new Date(text).getTime()
  if (day === undefined || Number.isNaN(ms)) return undefined
  // JavaScript takes the 30th of February for the 2nd of March.
  return utcDay(Date.parse(day)) === day ? ms : undefined
}

/** The UTC day that `ms` falls into, `2026-01-15`. */
export function utcDay(ms: number): string {
  return toRfc3339(ms).slice(0, 10)
}

/** The UTC month that `ms` falls into, `2026-01`. */
export function utcMonth(ms: number): string {
  return toRfc3339(ms).slice(0, 7)
}

/** When the UTC day of `ms` ends. */
export function endOfUtcDay(ms: number): number {
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1)
}

/** When the UTC month of `ms` ends. */
export function endOfUtcMonth(ms: number): number {
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}

import { toRfc3339 } from '#core/clock'
import { DAY_MS, dayOf, parseDay } from './sample-seller-calendar.js'
import { badInput } from './sample-seller-refusal.js'

const MINUTE_MS = 60_000
/** Some offsets before 1980 had seconds, which RFC 3339 can't write. */
const FIRST_YEAR = 1980
const LAST_YEAR = 2100

/** `local` carries its offset; `is_dst` is whether clocks are ahead of the zone's winter time. */
export type ZoneTime = { zone: string; local: string; offset_min: number; is_dst: boolean }

/**
 * `local_time` tells what the wall clock of `from` made of `at`: `ambiguous` when it showed that
 * time twice (the first is taken), `skipped` when it never did (the clock is put forward as it was
 * that day), else `unique`.
 */
export type TimeConversion = {
  utc: string
  from: ZoneTime
  to: ZoneTime
  difference_min: number
  local_time: 'unique' | 'ambiguous' | 'skipped'
}

/**
 * Converts a time between two IANA zones. `at` is a wall-clock time in `fromZone`
 * (`2026-03-29T09:00`), or an instant when it ends with Z or an offset.
 */
export function convertTime(fromZone: string, toZone: string, at: string): TimeConversion {
  const { wallMs, offsetMin } = parseTime(at)
  const source = zoneOf(fromZone)
  const target = zoneOf(toZone)
  const { ms, local_time } =
    offsetMin === undefined
      ? fromWallClock(source, wallMs)
      : { ms: wallMs - offsetMin * MINUTE_MS, local_time: 'unique' as const }
  const from = zoneTime(fromZone, source, ms)
  const to = zoneTime(toZone, target, ms)
  const difference_min = to.offset_min - from.offset_min
  return { utc: `${secondText(ms)}Z`, from, to, difference_min, local_time }
}

const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/i

function parseTime(text: string): { wallMs: number; offsetMin: number | undefined } {
  const [, date = '', hour, minute, second = '0', offset] = TIME.exec(text) ?? []
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  if (!(h < 24 && m < 60 && s < 60)) {
    throw badInput('"at" must be of the form 2026-03-29T09:00:00, with Z or an offset or without.')
  }
  const year = Number(date.slice(0, 4))
  if (year < FIRST_YEAR || year > LAST_YEAR) {
    throw badInput(`"at" must be in the years ${FIRST_YEAR} to ${LAST_YEAR}.`)
  }
  const wallMs = parseDay(date) * DAY_MS + ((h * 60 + m) * 60 + s) * 1000
  return { wallMs, offsetMin: offset === undefined ? undefined : parseOffset(offset) }
}

function parseOffset(text: string): number {
  if (text.toUpperCase() === 'Z') return 0
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(4))]
  if (hours > 23 || minutes > 59) throw badInput(`"${text}" is not an offset from UTC.`)
  return (hours * 60 + minutes) * (text.startsWith('-') ? -1 : 1)
}

/** Making a formatter costs far more than using it. A zone has few spellings, so this is bounded. */
const formats = new Map<string, Intl.DateTimeFormat>()
const MOST_FORMATS = 1000

function zoneOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  // Newer runtimes take "+01:00" for a zone, which is an offset and no IANA zone.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(zone)) throw unknownZone(zone)
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    if (formats.size < MOST_FORMATS) formats.set(zone, format)
    return format
  } catch {
    throw unknownZone(zone)
  }
}

function unknownZone(zone: string) {
  return badInput(`"${zone.slice(0, 64)}" is not an IANA time zone such as Europe/Berlin.`)
}

function offsetMs(zone: Intl.DateTimeFormat, ms: number): number {
  const wholeMs = Math.floor(ms / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const { type, value } of zone.formatToParts(wholeMs)) parts[type] = Number(value)
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return dayOf(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 - wholeMs
}

function fromWallClock(
  zone: Intl.DateTimeFormat,
  wallMs: number,
): { ms: number; local_time: TimeConversion['local_time'] } {
  const before = wallMs - offsetMs(zone, wallMs - DAY_MS)
  const after = wallMs - offsetMs(zone, wallMs + DAY_MS)
  if (before === after) return { ms: before, local_time: 'unique' }
  const shown = [before, after].filter((ms) => ms + offsetMs(zone, ms) === wallMs)
  if (shown.length === 2) return { ms: Math.min(before, after), local_time: 'ambiguous' }
  if (shown.length === 1) return { ms: shown[0]!, local_time: 'unique' }
  return { ms: before, local_time: 'skipped' }
}

function zoneTime(name: string, zone: Intl.DateTimeFormat, ms: number): ZoneTime {
  const offset = offsetMs(zone, ms)
  const local = secondText(ms + offset)
  const year = Number(local.slice(0, 4))
  const winterOffset = Math.min(
    offsetMs(zone, Date.UTC(year, 0, 1)),
    offsetMs(zone, Date.UTC(year, 6, 1)),
  )
  const offset_min = offset / MINUTE_MS
  return {
    zone: name,
    local: local + offsetText(offset_min),
    offset_min,
    is_dst: offset > winterOffset,
  }
}

/** `+05:30` for 330. */
function offsetText(minutes: number): string {
  const size = Math.abs(minutes)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

function secondText(ms: number): string {
  return toRfc3339(ms).slice(0, 19)
}

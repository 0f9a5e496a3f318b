import { utcDay } from '#core/clock'
import { badInput } from './sample-seller-refusal.js'

/** A calendar day as whole days since 1970-01-01. */
export type Day = number

export const DAY_MS = 86_400_000

/** The day of a year, a month from 1 and a day of the month, in the Gregorian calendar. */
export function dayOf(year: number, month: number, day: number): Day {
  return Date.UTC(year, month - 1, day) / DAY_MS
}

/** `2026-01-15` for a day. */
export function dayText(day: Day): string {
  return utcDay(day * DAY_MS)
}

/** The day that `2026-01-15` names; a day that the calendar doesn't have is refused. */
export function parseDay(text: string): Day {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  const parsed = dayOf(Number(year), Number(month), Number(day))
  if (Number.isNaN(parsed) || dayText(parsed) !== text) {
    throw badInput(`"${text}" is not a date of the form 2026-01-15.`)
  }
  return parsed
}

export const SUNDAY = 0
export const MONDAY = 1
export const THURSDAY = 4
export const FRIDAY = 5
export const SATURDAY = 6

/** 0 for Sunday to 6 for Saturday. */
export function weekdayOf(day: Day): number {
  return (((day + THURSDAY) % 7) + 7) % 7
}

export function isWeekend(day: Day): boolean {
  return weekdayOf(day) === SATURDAY || weekdayOf(day) === SUNDAY
}

/** The first `weekday` that is `day` or comes after it. */
export function weekdayFrom(day: Day, weekday: number): Day {
  return day + ((weekday - weekdayOf(day) + 7) % 7)
}

/** Easter Sunday of the western churches, by Oudin's computation. */
export function easterSunday(year: number): Day {
  const golden = year % 19
  const century = Math.floor(year / 100)
  const skippedLeapDays = century - Math.floor(century / 4)
  const epact = (skippedLeapDays - Math.floor((8 * century + 13) / 25) + 19 * golden + 15) % 30
  const isLateMoon = epact >= 28 && !(epact === 28 && golden < 11)
  const fullMoon = epact - (isLateMoon ? 1 : 0)
  const weekday = (year + Math.floor(year / 4) + fullMoon + 2 - skippedLeapDays) % 7
  return dayOf(year, 3, 28) + fullMoon - weekday
}

import {
  type Day,
  dayText,
  isWeekend,
  SATURDAY,
  SUNDAY,
  weekdayOf,
} from './sample-seller-calendar.js'
import { type Country, countries, type Substitute } from './sample-seller-holiday-rules.js'
import { badInput } from './sample-seller-refusal.js'

/** Earlier years had one-off days and other laws; Japan's equinoxes are known until 2099. */
export const FIRST_YEAR = 2024
export const LAST_YEAR = 2099

/** `observed_on` is the day off: it differs from `date` where a weekend moves it. */
export type Holiday = { date: string; observed_on: string; name: string }
export type HolidayList = { country: string; name: string; year: number; holidays: Holiday[] }

type Dated = { day: Day; observed: Day; name: string }

/** The public holidays of a country (ISO 3166-1 alpha-2) in a year, by today's law, by date. */
export function holidaysIn(countryCode: string, yearText: string): HolidayList {
  const code = countryCode.toUpperCase()
  const country = Object.hasOwn(countries, code) ? countries[code] : undefined
  if (!country) {
    throw badInput(
      `"${countryCode.slice(0, 40)}" is not a country known here: ${Object.keys(countries).join(' ')}`,
    )
  }
  const year = /^\d{4}$/.test(yearText) ? Number(yearText) : Number.NaN
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) {
    throw badInput(`The year must be from ${FIRST_YEAR} to ${LAST_YEAR}.`)
  }
  const holidays = datedHolidays(country, year).map(({ day, observed, name }) => ({
    date: dayText(day),
    observed_on: dayText(observed),
    name,
  }))
  return { country: code, name: country.name, year, holidays }
}

function datedHolidays(country: Country, year: number): Dated[] {
  const holidays = country.rules
    .filter(({ since }) => since === undefined || year >= since)
    .map(({ name, on }) => ({ day: on(year), name }))
    .sort((a, b) => a.day - b.day)
  const taken = new Set(holidays.map(({ day }) => day))
  const dated = holidays.map(({ day, name }) => {
    const substitute = country.keepTheirDay?.includes(name) ? 'none' : country.substitute
    const observed = observedDay(day, substitute, taken)
    taken.add(observed)
    return { day, observed, name }
  })
  return country.substitute === 'after-sunday' ? withBridges(dated, taken) : dated
}

function observedDay(day: Day, substitute: Substitute, taken: Set<Day>): Day {
  switch (substitute) {
    case 'none':
      return day
    case 'nearest-weekday':
      return weekdayOf(day) === SATURDAY ? day - 1 : weekdayOf(day) === SUNDAY ? day + 1 : day
    case 'next-weekday':
      return isWeekend(day) ? nextFreeDay(day, (next) => taken.has(next) || isWeekend(next)) : day
    case 'after-sunday':
      return weekdayOf(day) === SUNDAY ? nextFreeDay(day, (next) => taken.has(next)) : day
  }
}

function nextFreeDay(day: Day, isTaken: (day: Day) => boolean): Day {
  let next = day + 1
  while (isTaken(next)) next++
  return next
}

/** In Japan a day between two holidays is one itself, unless it is free already. */
function withBridges(dated: Dated[], taken: Set<Day>): Dated[] {
  const days = new Set(dated.map(({ day }) => day))
  const bridges = dated
    .map(({ day }) => day + 1)
    .filter((day) => days.has(day + 1) && !taken.has(day) && weekdayOf(day) !== SUNDAY)
    .map((day) => ({ day, observed: day, name: "Citizens' Holiday" }))
  return [...dated, ...bridges].sort((a, b) => a.day - b.day)
}

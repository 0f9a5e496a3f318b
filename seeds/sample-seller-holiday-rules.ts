import {
  type Day,
  dayOf,
  easterSunday,
  FRIDAY,
  MONDAY,
  SATURDAY,
  SUNDAY,
  THURSDAY,
  weekdayFrom,
  weekdayOf,
} from './sample-seller-calendar.js'

/** A holiday and the day that it falls on in a year; a law may have begun in the year `since`. */
export type Rule = { name: string; on: (year: number) => Day; since?: number }

/**
 * Which day is free when the holiday itself falls on a weekend: none in its place, the nearest
 * weekday, the next weekday that is free of holidays, or (Sundays only) the next such day.
 */
export type Substitute = 'none' | 'nearest-weekday' | 'next-weekday' | 'after-sunday'

export type Country = {
  name: string
  substitute: Substitute
  rules: Rule[]
  /** Holidays that keep their day even on a weekend. */
  keepTheirDay?: string[]
}

const on = (name: string, month: number, day: number, since?: number): Rule => ({
  name,
  on: (year) => dayOf(year, month, day),
  ...(since === undefined ? {} : { since }),
})

const easter = (name: string, days: number): Rule => ({
  name,
  on: (year) => easterSunday(year) + days,
})

const nth = (name: string, place: number, weekday: number, month: number): Rule => ({
  name,
  on: (year) => weekdayFrom(dayOf(year, month, 1), weekday) + 7 * (place - 1),
})

/** The first `weekday` from that day on. */
const from = (name: string, weekday: number, month: number, day: number): Rule => ({
  name,
  on: (year) => weekdayFrom(dayOf(year, month, day), weekday),
})

const newYear = on("New Year's Day", 1, 1)
const epiphany = on('Epiphany', 1, 6)
const goodFriday = easter('Good Friday', -2)
const easterDay = easter('Easter Sunday', 0)
const easterMonday = easter('Easter Monday', 1)
const labourDay = on('Labour Day', 5, 1)
const ascension = easter('Ascension Day', 39)
const whitSunday = easter('Whit Sunday', 49)
const whitMonday = easter('Whit Monday', 50)
const corpusChristi = easter('Corpus Christi', 60)
const assumption = on('Assumption of Mary', 8, 15)
const allSaints = on("All Saints' Day", 11, 1)
const immaculateConception = on('Immaculate Conception', 12, 8)
const christmas = on('Christmas Day', 12, 25)
const boxingDay = on('Boxing Day', 12, 26)
const stStephen = on("St. Stephen's Day", 12, 26)

const kingsDay: Rule = {
  name: "King's Day",
  on: (year) => {
    const birthday = dayOf(year, 4, 27)
    return weekdayOf(birthday) === SUNDAY ? birthday - 1 : birthday
  },
}

/** Ireland: the first Monday of February, or the first of February when that is a Friday. */
const stBrigid: Rule = {
  name: "St. Brigid's Day",
  on: (year) => {
    const first = dayOf(year, 2, 1)
    return weekdayOf(first) === FRIDAY ? first : weekdayFrom(first, MONDAY)
  },
}

/** Days of March and September by the approximation of Japan's calendar for 1980 to 2099. */
const equinox = (name: string, month: number, dayIn1980: number): Rule => ({
  name,
  on: (year) => {
    const years = year - 1980
    return dayOf(year, month, Math.floor(dayIn1980 + 0.242194 * years) - Math.floor(years / 4))
  },
})

export const countries: Readonly<Record<string, Country>> = {
  AT: {
    name: 'Austria',
    substitute: 'none',
    rules: [
      newYear,
      epiphany,
      easterMonday,
      labourDay,
      ascension,
      whitMonday,
      corpusChristi,
      assumption,
      on('National Day', 10, 26),
      allSaints,
      immaculateConception,
      christmas,
      stStephen,
    ],
  },
  AU: {
    name: 'Australia (holidays of all states)',
    substitute: 'next-weekday',
    keepTheirDay: ['Anzac Day'],
    rules: [
      newYear,
      on('Australia Day', 1, 26),
      goodFriday,
      easterMonday,
      on('Anzac Day', 4, 25),
      christmas,
      boxingDay,
    ],
  },
  BE: {
    name: 'Belgium',
    substitute: 'none',
    rules: [
      newYear,
      easterMonday,
      labourDay,
      ascension,
      whitMonday,
      on('National Day', 7, 21),
      assumption,
      allSaints,
      on('Armistice Day', 11, 11),
      christmas,
    ],
  },
  CA: {
    name: 'Canada (federal)',
    substitute: 'next-weekday',
    rules: [
      newYear,
      goodFriday,
      from('Victoria Day', MONDAY, 5, 18),
      on('Canada Day', 7, 1),
      nth('Labour Day', 1, MONDAY, 9),
      on('National Day for Truth and Reconciliation', 9, 30),
      nth('Thanksgiving', 2, MONDAY, 10),
      on('Remembrance Day', 11, 11),
      christmas,
      boxingDay,
    ],
  },
  CH: {
    name: 'Switzerland (holidays of all cantons)',
    substitute: 'none',
    rules: [newYear, ascension, on('National Day', 8, 1), christmas],
  },
  DE: {
    name: 'Germany (holidays of all states)',
    substitute: 'none',
    rules: [
      newYear,
      goodFriday,
      easterMonday,
      labourDay,
      ascension,
      whitMonday,
      on('German Unity Day', 10, 3),
      christmas,
      on('Second Day of Christmas', 12, 26),
    ],
  },
  ES: {
    name: 'Spain (national)',
    substitute: 'none',
    rules: [
      newYear,
      epiphany,
      goodFriday,
      labourDay,
      assumption,
      on('National Day', 10, 12),
      allSaints,
      on('Constitution Day', 12, 6),
      immaculateConception,
      christmas,
    ],
  },
  FR: {
    name: 'France',
    substitute: 'none',
    rules: [
      newYear,
      easterMonday,
      labourDay,
      on('Victory in Europe Day', 5, 8),
      ascension,
      whitMonday,
      on('National Day', 7, 14),
      assumption,
      allSaints,
      on('Armistice Day', 11, 11),
      christmas,
    ],
  },
  GB: {
    name: 'United Kingdom (England and Wales)',
    substitute: 'next-weekday',
    rules: [
      newYear,
      goodFriday,
      easterMonday,
      nth('Early May bank holiday', 1, MONDAY, 5),
      from('Spring bank holiday', MONDAY, 5, 25),
      from('Summer bank holiday', MONDAY, 8, 25),
      christmas,
      boxingDay,
    ],
  },
  IE: {
    name: 'Ireland',
    substitute: 'none',
    rules: [
      newYear,
      stBrigid,
      on("St. Patrick's Day", 3, 17),
      easterMonday,
      nth('May Day', 1, MONDAY, 5),
      nth('June holiday', 1, MONDAY, 6),
      nth('August holiday', 1, MONDAY, 8),
      from('October holiday', MONDAY, 10, 25),
      christmas,
      stStephen,
    ],
  },
  IT: {
    name: 'Italy',
    substitute: 'none',
    rules: [
      newYear,
      epiphany,
      easterDay,
      easterMonday,
      on('Liberation Day', 4, 25),
      labourDay,
      on('Republic Day', 6, 2),
      assumption,
      on('St. Francis of Assisi', 10, 4, 2026),
      allSaints,
      immaculateConception,
      christmas,
      stStephen,
    ],
  },
  JP: {
    name: 'Japan',
    substitute: 'after-sunday',
    rules: [
      newYear,
      nth('Coming of Age Day', 2, MONDAY, 1),
      on('National Foundation Day', 2, 11),
      on("Emperor's Birthday", 2, 23),
      equinox('Vernal Equinox Day', 3, 20.8431),
      on('Showa Day', 4, 29),
      on('Constitution Memorial Day', 5, 3),
      on('Greenery Day', 5, 4),
      on("Children's Day", 5, 5),
      nth('Marine Day', 3, MONDAY, 7),
      on('Mountain Day', 8, 11),
      nth('Respect for the Aged Day', 3, MONDAY, 9),
      equinox('Autumnal Equinox Day', 9, 23.2488),
      nth('Sports Day', 2, MONDAY, 10),
      on('Culture Day', 11, 3),
      on('Labour Thanksgiving Day', 11, 23),
    ],
  },
  NL: {
    name: 'Netherlands',
    substitute: 'none',
    rules: [
      newYear,
      goodFriday,
      easterDay,
      easterMonday,
      kingsDay,
      on('Liberation Day', 5, 5),
      ascension,
      whitSunday,
      whitMonday,
      christmas,
      on('Second Day of Christmas', 12, 26),
    ],
  },
  PL: {
    name: 'Poland',
    substitute: 'none',
    rules: [
      newYear,
      epiphany,
      easterDay,
      easterMonday,
      labourDay,
      on('Constitution Day', 5, 3),
      whitSunday,
      corpusChristi,
      assumption,
      allSaints,
      on('Independence Day', 11, 11),
      on('Christmas Eve', 12, 24, 2025),
      christmas,
      on('Second Day of Christmas', 12, 26),
    ],
  },
  SE: {
    name: 'Sweden',
    substitute: 'none',
    rules: [
      newYear,
      epiphany,
      goodFriday,
      easterDay,
      easterMonday,
      labourDay,
      ascension,
      on('National Day', 6, 6),
      whitSunday,
      from('Midsummer Day', SATURDAY, 6, 20),
      from("All Saints' Day", SATURDAY, 10, 31),
      christmas,
      on('Second Day of Christmas', 12, 26),
    ],
  },
  US: {
    name: 'United States (federal)',
    substitute: 'nearest-weekday',
    rules: [
      newYear,
      nth('Martin Luther King Jr. Day', 3, MONDAY, 1),
      nth("Washington's Birthday", 3, MONDAY, 2),
      from('Memorial Day', MONDAY, 5, 25),
      on('Juneteenth', 6, 19),
      on('Independence Day', 7, 4),
      nth('Labor Day', 1, MONDAY, 9),
      nth('Columbus Day', 2, MONDAY, 10),
      on('Veterans Day', 11, 11),
      nth('Thanksgiving Day', 4, THURSDAY, 11),
      christmas,
    ],
  },
}

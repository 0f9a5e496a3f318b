import { toRfc3339 } from '#core/clock'
import { DAY_MS, type Day, dayText, parseDay } from './sample-seller-calendar.js'
import { badInput } from './sample-seller-refusal.js'

const MINUTE_MS = 60_000
const DEGREES = 180 / Math.PI
/** The sun's centre stands this far from the zenith at sunrise: refraction and half its disc. */
const SUNRISE_ZENITH_DEG = 90.833

/** NOAA's equations hold for these years. */
const FIRST_YEAR = 1900
const LAST_YEAR = 2099

/** Times are RFC 3339 in UTC with whole seconds; sunrise and sunset are null without them. */
export type SunDay = {
  latitude: number
  longitude: number
  date: string
  sunrise: string | null
  sunset: string | null
  solar_noon: string
  day_length_s: number
  polar_day: boolean
  polar_night: boolean
}

/** The day that a date names, within the years that the equations hold for. */
export function sunDay(date: string): Day {
  const day = parseDay(date)
  const year = Number(date.slice(0, 4))
  if (year < FIRST_YEAR || year > LAST_YEAR) {
    throw badInput(`"date" must be in the years ${FIRST_YEAR} to ${LAST_YEAR}.`)
  }
  return day
}

/**
 * Sunrise, solar noon and sunset by NOAA's solar equations, for degrees north and east.
 * `day` is the day by the place's own solar time, so that its sunrise and sunset may carry
 * the date before or after in UTC.
 */
export function sunOn(day: Day, latitude: number, longitude: number): SunDay {
  const middayMs = day * DAY_MS + (720 - 4 * longitude) * MINUTE_MS
  const noonMs = passageMs(middayMs, () => 0)
  const cosineAtNoon = cosineOfHourAngle(latitude, noonMs)
  const polarDay = cosineAtNoon < -1
  const polarNight = cosineAtNoon > 1
  const hourAngle = (ms: number) =>
    Math.acos(Math.max(-1, Math.min(1, cosineOfHourAngle(latitude, ms)))) * DEGREES
  const sunriseMs = passageMs(middayMs, (ms) => -hourAngle(ms))
  const sunsetMs = passageMs(middayMs, hourAngle)
  const hasEdges = !polarDay && !polarNight
  return {
    latitude,
    longitude,
    date: dayText(day),
    sunrise: hasEdges ? secondText(sunriseMs) : null,
    sunset: hasEdges ? secondText(sunsetMs) : null,
    solar_noon: secondText(noonMs),
    day_length_s: hasEdges ? Math.round((sunsetMs - sunriseMs) / 1000) : polarDay ? 86_400 : 0,
    polar_day: polarDay,
    polar_night: polarNight,
  }
}

/**
 * When the sun stands `hourAngleDeg` past its meridian. Both the equation of time and the hour
 * angle move while the sun does, so the answer is put in again; three rounds reach the second.
 */
function passageMs(middayMs: number, hourAngleDeg: (ms: number) => number): number {
  let ms = middayMs
  for (let round = 0; round < 3; round++) {
    ms = middayMs + (4 * hourAngleDeg(ms) - sunAt(ms).equationOfTimeMin) * MINUTE_MS
  }
  return ms
}

function cosineOfHourAngle(latitude: number, ms: number): number {
  const { declination } = sunAt(ms)
  const north = latitude / DEGREES
  return (
    Math.cos(SUNRISE_ZENITH_DEG / DEGREES) / (Math.cos(north) * Math.cos(declination)) -
    Math.tan(north) * Math.tan(declination)
  )
}

/** Declination in radians, equation of time in minutes. The names are NOAA's. */
function sunAt(ms: number): { declination: number; equationOfTimeMin: number } {
  const t = (ms / DAY_MS - 10_957.5) / 36_525
  const meanLongitude = (280.46646 + t * (36_000.76983 + t * 0.0003032)) / DEGREES
  const meanAnomaly = (357.52911 + t * (35_999.05029 - t * 0.0001537)) / DEGREES
  const eccentricity = 0.016708634 - t * (0.000042037 + t * 0.0000001267)
  const equationOfCenter =
    (Math.sin(meanAnomaly) * (1.914602 - t * (0.004817 + t * 0.000014)) +
      Math.sin(2 * meanAnomaly) * (0.019993 - t * 0.000101) +
      Math.sin(3 * meanAnomaly) * 0.000289) /
    DEGREES
  const omega = (125.04 - t * 1934.136) / DEGREES
  const apparentLongitude =
    meanLongitude + equationOfCenter - (0.00569 + 0.00478 * Math.sin(omega)) / DEGREES
  const meanObliquityDeg =
    23 + (26 + (21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))) / 60) / 60
  const obliquity = (meanObliquityDeg + 0.00256 * Math.cos(omega)) / DEGREES
  const y = Math.tan(obliquity / 2) ** 2
  const equationOfTime =
    y * Math.sin(2 * meanLongitude) -
    2 * eccentricity * Math.sin(meanAnomaly) +
    4 * eccentricity * y * Math.sin(meanAnomaly) * Math.cos(2 * meanLongitude) -
    0.5 * y * y * Math.sin(4 * meanLongitude) -
    1.25 * eccentricity * eccentricity * Math.sin(2 * meanAnomaly)
  return {
    declination: Math.asin(Math.sin(obliquity) * Math.sin(apparentLongitude)),
    equationOfTimeMin: 4 * DEGREES * equationOfTime,
  }
}

function secondText(ms: number): string {
  return `${toRfc3339(Math.round(ms / 1000) * 1000).slice(0, 19)}Z`
}

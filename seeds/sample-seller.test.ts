import { readFileSync } from 'node:fs'
import { Agent, request as nodeRequest } from 'node:http'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type SampleSeller, startSampleSeller } from './sample-seller.js'
import { dayText, easterSunday, weekdayOf } from './sample-seller-calendar.js'
import { countries } from './sample-seller-holiday-rules.js'
import { holidaysIn } from './sample-seller-holidays.js'
import { sunDay, sunOn } from './sample-seller-sun.js'
import { textStats } from './sample-seller-text.js'
import { convertTime } from './sample-seller-time.js'
import { convert, unitSymbols } from './sample-seller-units.js'

const API_KEY = 'sample-test-key'
const NOW_MS = Date.UTC(2026, 0, 15, 12)

const start = () =>
  startSampleSeller({ host: '127.0.0.1', port: 0, apiKey: API_KEY, nowMs: () => NOW_MS })

let seller: SampleSeller
beforeAll(async () => {
  seller = await start()
})
afterAll(() => seller.close())

const get = (path: string, headers: Record<string, string> = { 'x-api-key': API_KEY }) =>
  fetch(seller.baseUrl + path, { headers })

const post = (path: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(seller.baseUrl + path, { method: 'POST', headers: { 'x-api-key': API_KEY }, body })

const refused = async (answer: Promise<Response>) => {
  const response = await answer
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect(error.message).not.toBe('')
  return [response.status, error.code]
}

describe('the sun', () => {
  const minutesApart = (a: string | null, b: string) =>
    Math.abs(Date.parse(a ?? '') - Date.parse(b)) / 60_000

  test.each([
    ['London', 51.5074, -0.1278, '2024-06-20', '2024-06-20T03:43Z', '2024-06-20T20:21Z'],
    ['Berlin', 52.52, 13.405, '2024-06-21', '2024-06-21T02:43Z', '2024-06-21T19:33Z'],
    ['New York', 40.7128, -74.006, '2024-12-21', '2024-12-21T12:17Z', '2024-12-21T21:32Z'],
    ['Sydney', -33.8688, 151.2093, '2024-12-21', '2024-12-20T18:41Z', '2024-12-21T09:05Z'],
    ['Tokyo', 35.6762, 139.6503, '2024-03-20', '2024-03-19T20:45Z', '2024-03-20T08:53Z'],
  ])('rises and sets in %s within two minutes of the almanac', (_, lat, lon, date, rise, set) => {
    const day = sunOn(sunDay(date), lat, lon)
    expect(minutesApart(day.sunrise, rise)).toBeLessThanOrEqual(2)
    expect(minutesApart(day.sunset, set)).toBeLessThanOrEqual(2)
  })

  test('stays up or down all day beyond the polar circle', () => {
    const summer = sunOn(sunDay('2024-06-21'), 69.6492, 18.9553)
    expect(summer).toMatchObject({ polar_day: true, sunrise: null, day_length_s: 86_400 })
    const winter = sunOn(sunDay('2024-12-21'), 69.6492, 18.9553)
    expect(winter).toMatchObject({ polar_night: true, sunset: null, day_length_s: 0 })
  })

  test('passes its meridian between rising and setting, anywhere on any day', () => {
    const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true })
    fc.assert(
      fc.property(degrees(90), degrees(180), fc.nat(40_000), (latitude, longitude, day) => {
        const sun = sunOn(day, latitude, longitude)
        if (sun.sunrise === null || sun.sunset === null) return
        expect(sun.sunrise <= sun.solar_noon && sun.solar_noon <= sun.sunset).toBe(true)
      }),
    )
  })
})

describe('holidays', () => {
  const dates = (country: string, year: number) =>
    Object.fromEntries(holidaysIn(country, String(year)).holidays.map((h) => [h.name, h.date]))
  const daysOff = (country: string, year: number) =>
    Object.fromEntries(
      holidaysIn(country, String(year)).holidays.map((h) => [h.name, h.observed_on]),
    )

  test.each([
    [2024, '2024-03-31'],
    [2025, '2025-04-20'],
    [2026, '2026-04-05'],
    [2027, '2027-03-28'],
    [2038, '2038-04-25'],
    [2049, '2049-04-18'],
    [2076, '2076-04-19'],
  ])('Easter %i falls on %s', (year, date) => {
    expect(dayText(easterSunday(year))).toBe(date)
  })

  test('fall on the known days of 2025 and 2026', () => {
    expect(dates('US', 2026)).toMatchObject({
      'Martin Luther King Jr. Day': '2026-01-19',
      "Washington's Birthday": '2026-02-16',
      'Memorial Day': '2026-05-25',
      'Labor Day': '2026-09-07',
      'Thanksgiving Day': '2026-11-26',
    })
    expect(dates('DE', 2026)).toMatchObject({
      'Good Friday': '2026-04-03',
      'Ascension Day': '2026-05-14',
      'Whit Monday': '2026-05-25',
    })
    expect(dates('GB', 2026)['Summer bank holiday']).toBe('2026-08-31')
    expect(dates('AT', 2025)['Corpus Christi']).toBe('2025-06-19')
    expect(dates('NL', 2025)["King's Day"]).toBe('2025-04-26')
    expect(dates('CA', 2026)['Victoria Day']).toBe('2026-05-18')
    expect(dates('SE', 2026)['Midsummer Day']).toBe('2026-06-20')
    expect(dates('IE', 2030)["St. Brigid's Day"]).toBe('2030-02-01')
    expect(dates('FR', 2025)['Easter Monday']).toBe('2025-04-21')
  })

  test('begin with the year of their law', () => {
    expect(dates('PL', 2024)['Christmas Eve']).toBeUndefined()
    expect(dates('PL', 2025)['Christmas Eve']).toBe('2025-12-24')
    expect(dates('IT', 2025)['St. Francis of Assisi']).toBeUndefined()
  })

  test('give a day off instead of a weekend where the country does', () => {
    expect(daysOff('US', 2026)['Independence Day']).toBe('2026-07-03')
    expect(daysOff('US', 2028)["New Year's Day"]).toBe('2027-12-31')
    expect(daysOff('GB', 2027)).toMatchObject({
      'Christmas Day': '2027-12-27',
      'Boxing Day': '2027-12-28',
    })
    expect(daysOff('GB', 2033)).toMatchObject({
      'Christmas Day': '2033-12-27',
      'Boxing Day': '2033-12-26',
    })
    expect(daysOff('AU', 2027)['Anzac Day']).toBe('2027-04-25')
    expect(daysOff('JP', 2026)['Constitution Memorial Day']).toBe('2026-05-06')
    expect(daysOff('DE', 2027)['Christmas Day']).toBe('2027-12-25')
  })

  test('in Japan include the equinoxes and the day between two holidays', () => {
    expect(dates('JP', 2026)).toMatchObject({
      'Vernal Equinox Day': '2026-03-20',
      "Citizens' Holiday": '2026-09-22',
      'Autumnal Equinox Day': '2026-09-23',
    })
    expect(dates('JP', 2025)["Citizens' Holiday"]).toBeUndefined()
  })

  test('give two holidays of one country never the same day off by moving one', () => {
    for (const code of ['GB', 'CA', 'AU', 'JP']) {
      for (let year = 2024; year <= 2099; year++) {
        const list = holidaysIn(code, String(year)).holidays
        const moved = list.filter(({ date, observed_on }) => date !== observed_on)
        for (const { observed_on } of moved) {
          expect(weekdayOf(Date.parse(observed_on) / 86_400_000)).not.toBe(0)
          expect(list.filter((other) => other.observed_on === observed_on)).toHaveLength(1)
        }
      }
    }
  })
})

describe('conversion', () => {
  test.each([
    ['26.2', 'mi', 'km', '42.1648128', true],
    ['1', 'm', 'ft', '3.28083989501312', false],
    ['-40', 'F', 'C', '-40', true],
    ['100', 'C', 'F', '212', true],
    ['0', 'K', 'F', '-459.67', true],
    ['37', 'C', 'K', '310.15', true],
    ['1', 'gal_us', 'mL', '3785.411784', true],
    ['1', 'GiB', 'MB', '1073.741824', true],
    ['1', 'bit', 'B', '0.125', true],
    ['1', 'atm', 'Torr', '760', true],
    ['1', 'kn', 'km/h', '1.852', true],
    ['1', 'kWh', 'kcal', '860.420650095602', false],
    ['1', 'psi', 'Pa', '6894.75729316836', false],
    ['1', 'acre', 'ft2', '43560', true],
    ['1e3', 's', 'h', '0.277777777777778', false],
    ['1', 'ns', 'wk', '0.00000000000000165343915343915', false],
    ['1e20', 's', 'h', '27777777777777800', false],
    ['0.1', 'kg', 'g', '100', true],
  ])('%s %s is %s %s', (value, from, to, result, exact) => {
    expect(convert(value, from, to)).toMatchObject({ result, exact })
  })

  test('gives back the very value when an exact result is converted back', () => {
    const symbol = fc.constantFrom(...unitSymbols)
    fc.assert(
      fc.property(symbol, symbol, fc.integer({ min: 0, max: 10 ** 9 }), (from, to, value) => {
        let there: ReturnType<typeof convert>
        try {
          there = convert(String(value), from, to)
        } catch {
          return
        }
        if (!there.exact || there.result.length > 40) return
        expect(convert(there.result, to, from).result).toBe(String(value))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('time zones', () => {
  test('convert a wall-clock time with both offsets', () => {
    const { utc, from, to, difference_min } = convertTime(
      'America/New_York',
      'Asia/Kolkata',
      '2026-07-04T09:00',
    )
    expect([utc, difference_min]).toEqual(['2026-07-04T13:00:00Z', 570])
    expect(from).toMatchObject({ local: '2026-07-04T09:00:00-04:00', is_dst: true })
    expect(to).toMatchObject({ local: '2026-07-04T18:30:00+05:30', is_dst: false })
  })

  test('take an instant as it is, whatever the zone', () => {
    const { utc, to } = convertTime('Asia/Tokyo', 'Europe/London', '2026-01-15T09:00:00+01:00')
    expect([utc, to.local]).toEqual(['2026-01-15T08:00:00Z', '2026-01-15T08:00:00+00:00'])
  })

  test.each([
    ['2026-03-29T02:30', 'skipped', '2026-03-29T01:30:00Z'],
    ['2026-10-25T02:30', 'ambiguous', '2026-10-25T00:30:00Z'],
    ['2026-03-29T03:00', 'unique', '2026-03-29T01:00:00Z'],
    ['2026-10-25T03:00', 'unique', '2026-10-25T02:00:00Z'],
  ])('tell that %s in Berlin is %s', (at, local_time, utc) => {
    expect(convertTime('Europe/Berlin', 'UTC', at)).toMatchObject({ local_time, utc })
  })
})

describe('text statistics', () => {
  test('count what a reader would count', () => {
    const text = 'Dr Smith paid 3.50 for well-known tea. "Did he?" He did!\n\nThe tea wasn\'t hot'
    expect(textStats(text)).toMatchObject({ words: 16, sentences: 4, paragraphs: 2 })
    expect(textStats('😀 ok').characters).toBe(4)
  })

  test('score plain English as easy and bureaucratic English as hard', () => {
    const score = (text: string) => textStats(text).flesch_reading_ease!
    expect(score('The cat sat on the mat. It was a good cat.')).toBeGreaterThan(90)
    expect(score('Organisational responsibilities necessitate coordination.')).toBeLessThan(0)
  })

  test('charge the words that they count, none for a text without words', () => {
    expect(textStats('one two two').usage).toEqual({ words: 3 })
    expect(textStats('one two two').most_common_words[0]).toEqual({ word: 'two', count: 2 })
    expect(textStats('...')).toMatchObject({ flesch_reading_ease: null, usage: { words: 0 } })
  })
})

describe('the server', () => {
  test('answers /healthz without a key and nothing else', async () => {
    expect((await get('/healthz', {})).status).toBe(200)
    expect(await refused(get('/v1/flaky', {}))).toEqual([401, 'unauthenticated'])
    const wrongKey = { 'x-api-key': 'wrong' }
    expect(await refused(get('/nowhere', wrongKey))).toEqual([401, 'unauthenticated'])
  })

  test.each([
    '/v1/sun?latitude=91&longitude=0',
    '/v1/sun?latitude=0x10&longitude=0',
    '/v1/sun?latitude=1',
    '/v1/sun?latitude=1&longitude=1&date=2026-02-30',
    '/v1/sun?latitude=1&longitude=1&date=1899-01-01',
    '/v1/holidays/XX/2026',
    '/v1/holidays/constructor/2026',
    '/v1/holidays/DE/1999',
    '/v1/holidays/DE',
    '/v1/convert?value=1&from=m&to=kg',
    '/v1/convert?value=1&from=toString&to=m',
    '/v1/convert?value=abc&from=m&to=ft',
    '/v1/convert?value=-1&from=K&to=C',
    '/v1/time?from_zone=Mars/Base&to_zone=UTC',
    '/v1/time?from_zone=UTC&to_zone=UTC&at=2026-02-30T10:00',
    '/v1/time?from_zone=UTC&to_zone=UTC&at=2026-02-20T25:00',
    '/v1/time?from_zone=UTC&to_zone=UTC&at=yesterday',
    '/v1/flaky?mode=odd',
  ])('refuses the bad input %s with 400', async (path) => {
    expect(await refused(get(path))).toEqual([400, 'bad_input'])
  })

  test.each([
    ['/v1/qr', '{}'],
    ['/v1/qr', '{"text":"a","size":10}'],
    ['/v1/qr', '{"text":"a","error_correction":"Z"}'],
    ['/v1/qr', JSON.stringify({ text: 'x'.repeat(1274), error_correction: 'H' })],
    ['/v1/text-stats', '[]'],
    ['/v1/text-stats', '{"text":'],
    ['/v1/text-stats', ''],
  ])('refuses the bad body of %s: %.40s', async (path, body) => {
    expect(await refused(post(path, body))).toEqual([400, 'bad_input'])
  })

  test('refuses a body that is not UTF-8', async () => {
    const body = new Uint8Array([0x7b, 0xff, 0x7d])
    expect(await refused(post('/v1/text-stats', body))).toEqual([400, 'bad_input'])
  })

  test('refuses unknown paths, other methods and bodies over 256 KiB', async () => {
    expect(await refused(get('/v1/nowhere'))).toEqual([404, 'not_found'])
    expect(await refused(get('/v1/holidays/DE/2026/more'))).toEqual([404, 'not_found'])
    expect((await post('/v1/sun', '{}')).headers.get('allow')).toBe('GET')
    expect(await refused(get('/v1/qr'))).toEqual([405, 'method_not_allowed'])
    const long = JSON.stringify({ text: 'x'.repeat(256 * 1024) })
    expect(await refused(post('/v1/text-stats', long))).toEqual([413, 'too_large'])
  })

  test('draws the largest QR code as SVG', async () => {
    const text = 'x1'.repeat(1476)
    const answer = await post('/v1/qr', JSON.stringify({ text, size: 512, error_correction: 'L' }))
    expect(answer.headers.get('content-type')).toBe('image/svg+xml')
    expect(await answer.text()).toMatch(/^<svg [^>]*width="512"[\s\S]*<\/svg>\s*$/)
  })

  test('fails as asked', async () => {
    expect(await refused(get('/v1/flaky?mode=error'))).toEqual([500, 'failed_as_asked'])
    const answer = await get('/v1/flaky?mode=graphql-error')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ data: null, errors: [{}] })
  })

  test('closes though connections are kept alive or wait for a slow answer', async () => {
    const other = await start()
    const agent = new Agent({ keepAlive: true })
    const headers = { 'x-api-key': API_KEY }
    await new Promise<void>((resolve) => {
      nodeRequest(`${other.baseUrl}/v1/flaky`, { agent, headers }, (response) =>
        response.resume().once('end', resolve),
      ).end()
    })
    const slow = fetch(`${other.baseUrl}/v1/flaky?mode=slow`, { headers })
    const slowEnds = expect(slow).rejects.toThrow()
    await fetch(`${other.baseUrl}/healthz`)
    await other.close()
    await slowEnds
    agent.destroy()
  })
})

describe('the listing', () => {
  type Endpoint = {
    slug: string
    method: 'GET' | 'POST'
    path: string
    input_schema: {
      properties: Record<string, { enum?: string[] }>
      $defs?: { unit: { enum: string[] } }
    }
    output_schema: object
    example: { arguments: Record<string, unknown> }
  }
  const listing = parse(
    readFileSync(new URL('./sample-listing.yaml', import.meta.url), 'utf8'),
  ) as { slug: string; endpoints: Endpoint[] }
  const endpoint = (slug: string) => listing.endpoints.find((one) => one.slug === slug)!

  const requestExample = ({ method, path, example }: Endpoint) => {
    const values = { ...example.arguments }
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = encodeURIComponent(String(values[name]))
      delete values[name]
      return value
    })
    if (method === 'POST') return post(filled, JSON.stringify(values))
    return get(`${filled}?${new URLSearchParams(values as Record<string, string>)}`)
  }

  test('sells these endpoints', () => {
    const ids = listing.endpoints.map(({ slug }) => `${listing.slug}.${slug}`)
    expect(ids).toEqual(
      ['sun', 'holidays', 'convert', 'time', 'qr', 'text-stats', 'flaky'].map((s) => `sample.${s}`),
    )
  })

  test.each(listing.endpoints.map((one) => [one.slug, one] as const))(
    'the example of %s fits its schema and gets an answer that fits the output schema',
    async (_, one) => {
      const ajv = addFormats.default(new Ajv2020({ strict: true }))
      expect(ajv.validate(one.input_schema, one.example.arguments)).toBe(true)
      const answer = await requestExample(one)
      expect(answer.status).toBe(200)
      const isJson = answer.headers.get('content-type') === 'application/json'
      const body: unknown = isJson ? await answer.json() : await answer.text()
      ajv.validate(one.output_schema, body)
      expect(ajv.errors).toBeNull()
    },
  )

  test('names exactly the units and countries that the seller knows', () => {
    expect(endpoint('convert').input_schema.$defs?.unit.enum).toEqual(unitSymbols)
    expect(endpoint('holidays').input_schema.properties.country?.enum).toEqual(
      Object.keys(countries),
    )
  })
})

/** What agents ask finds what the shipped catalogue has, among everything else that ships. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { nanos } from '#core/money'
import type { Search, SearchDocument } from '#search'
import { embeddedSearch } from '#search'

const ROOT = join(import.meta.dirname, '../..')

/** What is asked, and the endpoints of which one must be among the first three. */
const ASKED: [query: string, ...expected: string[]][] = [
  ['weather in a city tomorrow', 'open-meteo.forecast', 'met-no.forecast'],
  ['open_meteo forecast', 'open-meteo.forecast'],
  [
    'rain forecast for the next 7 days',
    'us-weather-service.forecast',
    'open-meteo.forecast',
    'met-no.forecast',
  ],
  ['hourly temperature and wind forecast by latitude and longitude', 'open-meteo.forecast'],
  ['elevation of coordinates', 'open-meteo.elevation'],
  ['geocode a city name to coordinates', 'open-meteo-geocoding.search', 'nominatim.search'],
  ['historical weather data for last year', 'open-meteo-archive.archive'],
  ['air quality index and pollen', 'open-meteo-air-quality.air-quality'],
  ['convert dollars to euros', 'frankfurter.latest', 'frankfurter.rates', 'currency-api.rates'],
  ['exchange rate USD to EUR on a past date', 'frankfurter.historical'],
  ['I need currency exchange rates between two dates', 'frankfurter.time-series'],
  ['frankfurter latest', 'frankfurter.latest'],
  ['github repos list commits', 'github.commits'],
  ['listReposForUser', 'github.user-repositories'],
  ['search github issues with a label', 'github.search-issues'],
  ['latest release of a github repository', 'github.latest-release'],
  ['get the README of a repo', 'github.readme'],
  ['how many stars does this repository have', 'github.repository'],
  ['GET /repos/{owner}/{repo}/releases', 'github.releases'],
  ['find a book by isbn', 'open-library.isbn'],
  [
    'please find me an API to search for books by an author',
    'open-library.author-works',
    'open-library.search',
  ],
  ['editions of a book', 'open-library.work-editions'],
  ['wikipedia article summary', 'wikipedia.summary'],
  ['what happened on this day in history', 'wikipedia.on-this-day'],
  ['search wikipedia', 'wikipedia.search', 'wikipedia.title-search'],
  ['look up a paper by DOI', 'crossref.work'],
  ['crossref journal issn', 'crossref.journal'],
  ['search arxiv preprints about transformers', 'arxiv.search'],
  ['side effects reported for a drug', 'openfda.drug-events'],
  ['food recalls', 'openfda.food-recalls'],
  ['drug label for ibuprofen', 'openfda.drug-labels'],
  ['hacker news top stories', 'hacker-news.top-stories'],
  ['hackernews user profile', 'hacker-news.user', 'hn-search.user'],
  ['newest posts on Hacker News', 'hacker-news.new-stories', 'hn-search.search-by-date'],
  ['capital and population of a country', 'rest-countries.by-common-name'],
  ['sunrise time in Berlin', 'sample.sun', 'sunrise-sunset.times'],
  ['qr code', 'sample.qr'],
  ['make a QRCode as SVG', 'sample.qr'],
  ['public holidays in Germany', 'sample.holidays', 'nager-date.holidays'],
  ['convert miles to kilometres', 'sample.convert'],
  ['convert a time in New York to Tokyo time zone', 'sample.time'],
  ['count words and sentences in a text', 'sample.text-stats'],
  ['metadata of a python package', 'pypi.project', 'pypi.release'],
  ['stats and types of a pokemon', 'pokeapi.pokemon', 'pokeapi.type'],
  ['search musicbrainz for an artist', 'musicbrainz.search-artists'],
  ['which songs did this artist record', 'musicbrainz.search-recordings', 'musicbrainz.artist'],
  ['wether forcast', 'us-weather-service.forecast', 'open-meteo.forecast', 'met-no.forecast'],
]

let search: Search

beforeAll(async () => {
  search = embeddedSearch(':memory:')
  const catalog = join(ROOT, 'catalog')
  const files = readdirSync(catalog).filter((name) => name.endsWith('.yaml'))
  for (const file of files) await search.put(documentsOf(join(catalog, file)))
  await search.put(documentsOf(join(ROOT, 'seeds/sample-listing.yaml')))
})

afterAll(() => search.close())

test.each(ASKED)('%j finds what is meant among the first three', async (query, ...expected) => {
  const { items } = await search.find({ query, limit: 3 })
  expect({ items, met: items.some((id) => expected.includes(id)) }).toEqual({ items, met: true })
})

type ListingFile = {
  slug: string
  title: string
  description: string
  category: string
  endpoints: {
    slug: string
    title: string
    description: string
    method?: string
    path: string
    input_schema: { properties?: Record<string, unknown> }
  }[]
}

/** Every endpoint of a listing's file, live or waiting for its operator. */
function documentsOf(file: string): SearchDocument[] {
  const listing = parse(readFileSync(file, 'utf8')) as ListingFile
  return listing.endpoints.map((endpoint) => ({
    endpointId: `${listing.slug}.${endpoint.slug}`,
    title: endpoint.title,
    description: endpoint.description,
    method: endpoint.method ?? 'GET',
    path: endpoint.path,
    listingTitle: listing.title,
    listingDescription: listing.description,
    category: listing.category,
    sellerId: 'acct_catalogue',
    sellerName: 'Souk catalogue',
    sellerSlug: 'souk-catalogue',
    parameters: Object.keys(endpoint.input_schema.properties ?? {}).map((name) => ({
      name,
      description: '',
    })),
    tags: [],
    host: 'api.example.com',
    changedAtMs: 0,
    maxTotal: nanos(0n),
  }))
}

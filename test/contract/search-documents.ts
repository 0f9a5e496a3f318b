/** Documents and standings for the search contract. */
import { nanos, parseUsdc } from '#core/money'
import type { SearchDocument, Standing } from '#search'

/** A free document in category `other`, titled like its id. */
export function aDocument(
  endpointId: string,
  fields: Partial<SearchDocument> = {},
): SearchDocument {
  return {
    endpointId,
    title: endpointId,
    description: '',
    method: 'GET',
    path: '/',
    listingTitle: 'Listing',
    listingDescription: '',
    category: 'other',
    sellerId: 'acct_1',
    sellerName: 'Seller',
    sellerSlug: 'seller',
    parameters: [],
    tags: [],
    host: 'api.example.com',
    changedAtMs: 0,
    maxTotal: nanos(0n),
    ...fields,
  }
}

/** A standing of which nothing is known but `fields`. */
export function aStanding(endpointId: string, fields: Partial<Standing>): Standing {
  const { rating = null, ratings = 0 } = fields
  return {
    endpointId,
    score: rating,
    liking: rating === null ? 0 : ((rating - 3) / 2) * (ratings / (ratings + 5)),
    rating: null,
    ratings: 0,
    uptime: null,
    latencyMs: null,
    calls: 0,
    ...fields,
  }
}

function named(...names: string[]): SearchDocument['parameters'] {
  return names.map((name) => ({ name, description: '' }))
}

/** A small shop: one endpoint each for a handful of plain wishes. */
export const SHOP: SearchDocument[] = [
  aDocument('open-meteo.forecast', {
    title: 'Weather forecast',
    description: 'Hourly temperature, rain and wind for a place, up to 16 days ahead.',
    path: '/v1/forecast',
    listingTitle: 'Open-Meteo',
    category: 'weather',
    parameters: named('latitude', 'longitude', 'forecast_days'),
  }),
  aDocument('frankfurter.convert', {
    title: 'Convert an amount of money',
    description: 'Converts between currencies such as dollars, euros and yen at the daily rate.',
    path: '/v1/latest',
    listingTitle: 'Frankfurter',
    category: 'money',
    maxTotal: parseUsdc('0.00105'),
  }),
  aDocument('open-library.isbn', {
    title: 'Book by ISBN',
    description: 'Title, authors and publisher of an edition.',
    path: '/isbn/{isbn}.json',
    listingTitle: 'Open Library',
    category: 'books',
    sellerId: 'acct_books',
    sellerName: 'Book people',
    sellerSlug: 'book-people',
  }),
  aDocument('github.list-commits', {
    title: 'List commits',
    description: 'The commits of a repository, newest first.',
    path: '/repos/{owner}/{repo}/commits',
    listingTitle: 'GitHub',
    category: 'code',
    parameters: named('owner', 'repo', 'sha'),
  }),
  aDocument('github.list-org-repos', {
    title: 'List organisation repositories',
    description: 'The public repositories of an organisation.',
    path: '/orgs/{org}/repos',
    listingTitle: 'GitHub',
    category: 'code',
    parameters: named('org', 'type', 'sort'),
  }),
  aDocument('menus.translate', {
    title: 'Traduccion de menus',
    description: 'Translates the menu of a café.',
    category: 'language',
  }),
]

export const SHOP_IDS = SHOP.map(({ endpointId }) => endpointId).toSorted()

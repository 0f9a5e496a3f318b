/** Who trades in a simulation, with which keys and limits, and what is for sale at which price. */
import type { Limits, Principal } from '#accounts'
import type { Offer } from '#catalogue'
import { type Id, newId } from '#core/ids'
import { parseUsdc } from '#core/money'
import { Problem } from '#core/problem'
import { anAccount, anOffer } from '../support/an-offer.js'

/** 100 minutes before a day and a month end, so that storms go past it. */
export const START_MS = Date.UTC(2026, 0, 31, 22, 20)

export type Buyer = {
  name: string
  id: Id<'account'>
  /** The key of the account, one below it, and one below that. */
  principals: readonly Principal[]
}

/** One version of what is sold. */
export type Sale = {
  endpoint: string
  version: number
  sellerId: Id<'account'>
  offer: Offer
}

export type Market = {
  buyers: readonly Buyer[]
  sellers: readonly Id<'account'>[]
  /** The versions of each endpoint, in order. */
  sales: ReadonlyMap<string, readonly Sale[]>
}

export const PAGES = 'wiki.page'
export const WORDS = 'words.count'
export const TIPS = 'tips.tip'
export const ENDPOINTS = [PAGES, WORDS, TIPS] as const

type Terms = { terms: Record<string, unknown>; limits?: Offer['limits'] }

/** The most words that one call pays for. */
export const MAX_WORDS = 5_000

/** Charges and fees come out even on hardly any quantity. */
const VERSIONS: Record<(typeof ENDPOINTS)[number], readonly Terms[]> = {
  [PAGES]: [
    {
      terms: { model: 'per_call', amount: '0.001' },
      limits: { per_minute: 12, concurrency: 3 },
    },
    { terms: { model: 'per_call', amount: '0.001300001' }, limits: { per_minute: 12 } },
  ],
  [WORDS]: [{ terms: words('0.000001237', 7) }, { terms: words('0.0000021', 3) }],
  [TIPS]: [{ terms: { model: 'free', daily_cap: 3 } }, { terms: { model: 'free', daily_cap: 4 } }],
}

const ACCOUNT_LIMITS: Limits = { month: parseUsdc('0.02') }
/** Those of the first key, of the one below it, and so on. */
const KEY_LIMITS: readonly Limits[] = [
  { month: parseUsdc('0.012') },
  { day: parseUsdc('0.007'), call: parseUsdc('0.0014') },
  { lifetime: parseUsdc('0.004') },
]

/** New ids each time: a database can carry one market after the other. */
export function newMarket(): Market {
  const buyers = ['ann', 'bob', 'cid'].map(newBuyer)
  // Who buys can sell as well.
  const sellers = [newId('account', START_MS), buyers[2]!.id]
  const sales = ENDPOINTS.map(
    (endpoint, at) => [endpoint, salesOf(endpoint, sellers[at % sellers.length]!)] as const,
  )
  return { buyers, sellers, sales: new Map(sales) }
}

/** A catalogue whose endpoints have their second version on sale once `isRepriced` says so. */
export function catalogueOf({ sales }: Market, isRepriced: () => boolean) {
  return {
    async offer(endpointId: string, version?: number): Promise<Offer> {
      const versions = sales.get(endpointId)
      const sale = versions?.[(version ?? (isRepriced() ? 2 : 1)) - 1]
      if (!sale) throw new Problem('endpoint_not_found', `There is no ${endpointId}.`)
      return sale.offer
    },
    validate: () => [],
    validateAnswer: () => [],
    observe: () => {},
    learn: () => {},
  }
}

function words(amount: string, per: number) {
  const unit = { unit: 'word', quantity: '/words', max_quantity: MAX_WORDS }
  return { model: 'per_unit', amount, per, ...unit }
}

function newBuyer(name: string): Buyer {
  const id = newId('account', START_MS)
  const account = anAccount({ id, slug: name, name, limits: ACCOUNT_LIMITS })
  const keys = KEY_LIMITS.map((limits) => ({ id: newId('key', START_MS), limits }))
  const principals = keys.map(({ id: keyId, limits }, depth) => ({
    account,
    key: {
      id: keyId,
      accountId: id,
      parentId: keys[depth - 1]?.id ?? null,
      name: `${name} ${depth}`,
      scopes: ['call' as const],
      limits,
      allow: {},
      expiresAtMs: null,
      createdAtMs: START_MS,
      revokedAtMs: null,
    },
    lineage: keys.slice(0, depth + 1).reverse(),
  }))
  return { name, id, principals }
}

function salesOf(endpoint: (typeof ENDPOINTS)[number], sellerId: Id<'account'>): Sale[] {
  const listingId = newId('listing', START_MS)
  const inputSchema = { type: 'object', properties: { order: { type: 'string' } } }
  const target = {
    kind: 'http' as const,
    baseUrl: 'https://seller.example',
    method: 'POST' as const,
    path: `/${endpoint}`,
    inputSchema,
  }
  return VERSIONS[endpoint].map(({ terms, limits = {} }, at) => ({
    endpoint,
    version: at + 1,
    sellerId,
    offer: anOffer({
      terms,
      limits,
      endpointId: endpoint,
      version: at + 1,
      listingId,
      sellerId,
      inputSchema,
      target,
    }),
  }))
}

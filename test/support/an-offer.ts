/** An offer, an order and an answer for tests of the pure stages of a call. */
import type { Account, Limits, Principal } from '#accounts'
import type { Offer } from '#catalogue'
import { priceSchema, readPrice } from '#pricing'
import type { Answer } from '#upstreams'

export const NO_LIMITS: Limits = {}

export function anOffer(changes: Partial<Offer> & { terms?: Record<string, unknown> } = {}): Offer {
  const { terms = { model: 'per_call', amount: '0.001' }, ...rest } = changes
  const price = priceSchema.parse(terms)
  return {
    endpointId: 'wiki.search',
    version: 3,
    latestVersion: 3,
    changedAtMs: 0,
    listingId: 'lst_1',
    listingSlug: 'wiki',
    isPrivate: false,
    sellerId: 'acct_seller',
    category: 'search',
    definition: {
      title: 'Search',
      description: 'Search',
      method: 'GET',
      path: '/search',
      base_url: 'https://wiki.example',
      input_schema: { type: 'object' },
      price,
      success: { status: '2xx' },
      requires_approval: false,
    },
    target: {
      kind: 'http',
      baseUrl: 'https://wiki.example',
      method: 'GET',
      path: '/search',
      inputSchema: { type: 'object' },
    },
    inputSchema: { type: 'object' },
    schemaHash: '',
    price: readPrice(price),
    success: { status: '2xx' },
    limits: {},
    credential: { type: 'none' },
    status: 'published',
    notice: null,
    suspended: null,
    hostChanged: false,
    isRedefined: false,
    ...rest,
  }
}

/** An account with money of its own, which may use everything. */
export function anAccount(changes: Partial<Account> = {}): Account {
  return {
    ...{ id: 'acct_buyer', slug: 'buyer', name: 'Buyer', kind: 'account', limits: {} },
    ...{ parentId: null, balance: 'own', allow: {}, status: 'active', suspension: null },
    ...changes,
  }
}

/** A buyer's key, with the limits of the key first and those of its ancestors after. */
export function aPrincipal(...limits: Limits[]): Principal {
  const lineage = (limits.length === 0 ? [NO_LIMITS] : limits).map((own, i) => ({
    id: `key_${i}` as const,
    limits: own,
  }))
  return {
    account: anAccount(),
    key: {
      id: 'key_0',
      accountId: 'acct_buyer',
      parentId: null,
      name: 'first',
      scopes: ['call'],
      limits: limits[0] ?? NO_LIMITS,
      allow: {},
      expiresAtMs: null,
      createdAtMs: 0,
      revokedAtMs: null,
    },
    lineage,
  }
}

type Answered = Extract<Answer, { kind: 'answered' }>

/** An answer of the seller: JSON text, unless told otherwise. */
export function anAnswer(body: string | Buffer, changes: Partial<Answered> = {}): Answered {
  return {
    kind: 'answered',
    status: 200,
    headers: {},
    mediaType: 'application/json',
    body: Buffer.from(body),
    truncated: false,
    latencyMs: 12,
    ...changes,
  }
}

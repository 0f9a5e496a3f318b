/**
 * Offers: one version of one endpoint, with everything that a paid call needs to know, read once
 * and kept until its listing changes. The paid call never asks the database what is for sale.
 */

import { canonicalJson, sha256Hex } from '#core/canonical-json'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { type Price, readPrice } from '#pricing'
import type { JsonSchema } from '#schemas'
import type { Db } from '#store'
import { type Credential, type CredentialVault, openCredential } from '#upstreams'
import { createKept } from './kept.js'
import {
  credentialOwner,
  ENDPOINT_COLUMNS,
  type EndpointDefinition,
  type EndpointRow,
  isForOtherHost,
  type Listing,
  type ListingRow,
  type ListingStatus,
  type Notice,
  toEndpoint,
  toListing,
} from './listing.js'
import type { ListingLimits, SuccessRule } from './listing-schema.js'
import { type Target, targetOf } from './target.js'

/** What ids are made of; PostgreSQL takes no text with a NUL, not even to find nothing. */
const ENDPOINT_ID = /^[a-z0-9.-]+$/
/** The most offers that are kept ready. */
const MAX_OFFERS = 20_000

export type Offer = {
  endpointId: string
  version: number
  latestVersion: number
  /** When this version was made. */
  changedAtMs: number
  listingId: Id<'listing'>
  listingSlug: string
  /** Whether only its own account and those below it may know of it. */
  isPrivate: boolean
  sellerId: Id<'account'>
  category: string
  definition: EndpointDefinition
  target: Target
  inputSchema: JsonSchema
  schemaHash: string
  price: Price
  success: SuccessRule
  limits: ListingLimits
  credential: Credential
  /** Whether it can be bought now; an offer that cannot is kept to say why. */
  status: ListingStatus
  /** Set while it is paused because it kept failing. */
  notice: Notice | null
  /** Whether the credential was given for another host than this version calls. */
  hostChanged: boolean
}

export type Offers = {
  /** The offer whatever its status, `undefined` when there is none. `version` absent: the latest. */
  find(endpointId: string, version?: number): Promise<Offer | undefined>
  /** Offers of these listings are read anew. */
  forget(listingIds: ReadonlySet<string>): void
}

export function createOffers(deps: { db: Db; vault: CredentialVault }): Offers {
  const ready = createKept<Offer>(MAX_OFFERS)
  return {
    async find(endpointId, version) {
      if (!ENDPOINT_ID.test(endpointId)) return undefined
      const name = `${endpointId}@${version ?? 'latest'}`
      const known = ready.get(name)
      if (known) return known
      const keep = ready.reading()
      const offer = await load(deps, endpointId, version)
      if (offer) keep(name, offer)
      return offer
    },
    forget: ready.forget,
  }
}

/**
 * The offer, if it can be bought now.
 *
 * @throws Problem `endpoint_not_found`, or `listing_changed` when it was sold once but is not now.
 */
export function requireForSale(offer: Offer | undefined, endpointId: string): Offer {
  if (!offer || offer.status === 'draft') throw endpointNotFound(endpointId)
  if (offer.status !== 'published') {
    const why = offer.notice ? 'because its provider kept failing' : 'by its seller'
    throw new Problem('listing_changed', `${endpointId} is ${offer.status} ${why}.`)
  }
  if (offer.hostChanged) {
    throw new Problem(
      'listing_changed',
      `Version ${offer.version} of ${endpointId} calls a host that its credential is not for.`,
      offer.version === offer.latestVersion ? {} : { action: 'Call it without a version.' },
    )
  }
  return offer
}

export function endpointNotFound(endpointId: string): Problem {
  return new Problem('endpoint_not_found', `There is no endpoint "${endpointId.slice(0, 140)}".`)
}

async function load(
  { db, vault }: { db: Db; vault: CredentialVault },
  endpointId: string,
  version?: number,
): Promise<Offer | undefined> {
  const row: EndpointRow | undefined = await db('endpoints')
    .join('endpoint_versions', 'endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
    .where('endpoints.endpoint_id', endpointId)
    .where('endpoint_versions.version', version ?? db.ref('endpoints.latest_version'))
    .first(...ENDPOINT_COLUMNS)
  if (!row) return undefined
  const listingRow = await db<ListingRow>('listings').where({ id: row.listing_id }).first()
  const listing = toListing(listingRow!)
  return toOffer(vault, listing, row)
}

function toOffer(vault: CredentialVault, listing: Listing, row: EndpointRow): Offer {
  const { definition, version, status, changedAtMs } = toEndpoint(row)
  return {
    endpointId: row.endpoint_id,
    version,
    latestVersion: Number(row.latest_version),
    changedAtMs,
    listingId: listing.id,
    listingSlug: listing.slug,
    isPrivate: listing.visibility === 'private',
    sellerId: listing.sellerId,
    category: listing.category,
    definition,
    target: targetOf(definition),
    inputSchema: definition.input_schema,
    schemaHash: sha256Hex(canonicalJson(definition.input_schema)),
    price: readPrice(definition.price),
    success: definition.success,
    limits: listing.limits,
    credential: credentialOf(vault, listing),
    status: status === 'retired' ? 'retired' : listing.status,
    notice: listing.notice,
    hostChanged: isForOtherHost(listing.credential.origin, definition),
  }
}

/** The credential in clear, for `upstreams` alone. */
export function credentialOf(vault: CredentialVault, listing: Listing): Credential {
  const { sealed } = listing.credential
  return sealed ? openCredential(vault, credentialOwner(listing), sealed) : { type: 'none' }
}

/**
 * Offers: one version of one endpoint, with everything that a paid call needs to know, read once
 * and kept until its listing changes. The paid call never asks the database what is for sale.
 */

import { mayUse, type Principal, stoppedSellers } from '#accounts'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import { type Price, readPrice } from '#pricing'
import type { JsonSchema } from '#schemas'
import type { Db } from '#store'
import { type Credential, type CredentialVault, openCredential } from '#upstreams'
import { handlerCredential } from './handler-credentials.js'
import { createKept } from './kept.js'
import {
  credentialOwner,
  ENDPOINT_COLUMNS,
  type Endpoint,
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
import { isRedefined } from './redefined.js'
import { type Target, targetOf } from './target.js'
import { createToolAliases } from './tool-aliases.js'

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
  /** What a tool's answers must fit; of HTTP APIs it is only told, as theirs often lie. */
  output?: { schema: JsonSchema; hash: string }
  price: Price
  success: SuccessRule
  limits: ListingLimits
  credential: Credential
  /** Whether it can be bought now; an offer that cannot is kept to say why. */
  status: ListingStatus
  /** Set while it is paused because it kept failing. */
  notice: Notice | null
  /** Why the operator keeps it, or its seller, off sale. */
  suspended: string | null
  /** Whether the credential was given for another host than this version calls. */
  hostChanged: boolean
  /** Whether the MCP server has another tool behind this version by now. */
  isRedefined: boolean
}

export type Offers = {
  /** The offer whatever its status, `undefined` when there is none. `version` absent: the latest. */
  find(endpointId: string, version?: number): Promise<Offer | undefined>
  /** Offers of these listings are read anew. */
  forget(listingIds: ReadonlySet<string>): void
  /** Another number whenever something that is for sale changed. */
  edition(): number
}

export function createOffers(deps: { db: Db; vault: CredentialVault }): Offers {
  const ready = createKept<Offer>(MAX_OFFERS)
  const aliases = createToolAliases(deps.db)
  return {
    async find(named, version) {
      const endpointId = await aliases.idOf(named)
      if (!ENDPOINT_ID.test(endpointId)) return undefined
      const name = `${endpointId}@${version ?? 'latest'}`
      const known = ready.get(name)
      if (known) return known
      const keep = ready.reading()
      const offer = await load(deps, endpointId, version)
      if (offer) keep(name, offer)
      return offer
    },
    forget(listingIds) {
      aliases.forget()
      ready.forget(listingIds)
    },
    edition: ready.forgotten,
  }
}

/**
 * The offer, if it can be bought now, and the principal may know of it.
 *
 * @throws Problem `endpoint_not_found`, or `listing_changed` when it was sold once but is not now.
 */
export function requireForSale(
  offer: Offer | undefined,
  endpointId: string,
  principal?: Principal,
): Offer {
  if (!offer || !isVisible(offer, principal)) throw endpointNotFound(endpointId)
  if (offer.suspended !== null) {
    throw new Problem('listing_changed', `${endpointId} is suspended (${offer.suspended}).`, {
      facts: { reason: offer.suspended },
    })
  }
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
  if (offer.isRedefined) {
    const detail = `The server of ${endpointId} changed the tool that version ${offer.version} was.`
    throw new Problem('listing_changed', detail, {
      action: 'Describe the endpoint again, then call it without a version.',
    })
  }
  return offer
}

/** Whether {@link requireForSale} lets it pass, for those who may know of it. */
export function isForSale(offer: Offer): boolean {
  const isAsSold = !offer.hostChanged && !offer.isRedefined
  return offer.suspended === null && offer.status === 'published' && isAsSold
}

/** Whether there is such an endpoint, as far as this principal may know. */
export function isVisible(offer: Offer, principal: Principal | undefined): boolean {
  const { listingSlug: listing, sellerId: ownerId, isPrivate, target } = offer
  const server = target.kind === 'mcp' ? target.server : undefined
  return offer.status !== 'draft' && mayUse(principal, { listing, ownerId, isPrivate, server })
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
  const endpoint = toEndpoint(row)
  const target = targetOf(endpoint.definition)
  const handler = { sellerId: listing.sellerId, endpointId, url: 'url' in target ? target.url : '' }
  const credential =
    target.kind === 'tool'
      ? await handlerCredential(db, vault, handler)
      : credentialOf(vault, listing)
  const stopped = await stoppedSellers(db, [listing.sellerId])
  const suspended = listing.suspension?.category ?? stopped.get(listing.sellerId) ?? null
  const redefined = await isRedefined(db, endpoint, Number(row.latest_version))
  return toOffer(listing, row, { endpoint, target, credential, suspended, redefined })
}

type Called = {
  endpoint: Endpoint
  target: Target
  credential: Credential
  suspended: Offer['suspended']
  redefined: boolean
}

function toOffer(
  listing: Listing,
  row: EndpointRow,
  { endpoint, target, credential, suspended, redefined }: Called,
): Offer {
  const { definition, version, status, changedAtMs } = endpoint
  const { output_schema } = definition
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
    target,
    inputSchema: definition.input_schema,
    schemaHash: sha256Hex(canonicalJson(definition.input_schema)),
    ...(target.kind !== 'http' &&
      output_schema && {
        output: { schema: output_schema, hash: sha256Hex(canonicalJson(output_schema)) },
      }),
    price: readPrice(definition.price),
    success: definition.success,
    limits: listing.limits,
    credential,
    status: status === 'retired' ? 'retired' : listing.status,
    notice: listing.notice,
    suspended,
    hostChanged: isForOtherHost(listing.credential.origin, definition),
    isRedefined: redefined,
  }
}

/** The credential in clear, for `upstreams` alone. */
export function credentialOf(vault: CredentialVault, listing: Listing): Credential {
  const { sealed } = listing.credential
  return sealed ? openCredential(vault, credentialOwner(listing), sealed) : { type: 'none' }
}

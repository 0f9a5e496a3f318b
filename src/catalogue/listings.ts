/**
 * Listings as their sellers manage them. Every change of an endpoint's schema, price or backend is
 * a new immutable version; nothing that was ever sold is overwritten or deleted.
 */
import type { Along } from '#accounts'
import type { Clock } from '#core/clock'
import { defined } from '#core/defined'
import { type Id, isId, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { checkSchemaShape, proveSchemas } from '#schemas'
import { type Db, isUniqueViolation, nextRevision, type Store, type Tx } from '#store'
import {
  type Credential,
  type CredentialVault,
  checkCredential,
  checkTarget,
  sealCredential,
  type Upstreams,
} from '#upstreams'
import { defineEndpoints, mergeEndpoints, refuseUnknown } from './endpoint-changes.js'
import { lookAgain, watchAnew } from './health-rows.js'
import {
  type Backend,
  credentialOwner,
  type Endpoint,
  type EndpointDefinition,
  isHttp,
  type Listing,
  type ListingRow,
  type ListingStatus,
  toListing,
  urlOf,
} from './listing.js'
import { type ListingInput, type ListingPatch, MAX_ENDPOINTS } from './listing-schema.js'
import { checkProbe } from './next-probed.js'
import { CATALOGUE } from './revision.js'
import { httpTargetOf } from './target.js'
import { flagListing } from './text-flags.js'
import { countEndpoints, endpointsAfter, endpointsIn, putEndpoints } from './versions.js'

export type ListingDeps = {
  store: Store
  clock: Clock
  vault: CredentialVault
  upstreams: Upstreams
  /** Written in the transaction of a change, last. */
  along?: Along | undefined
}

/** What `file_hash` says of a shipped listing that its operator has changed. */
export const OPERATORS_OWN = 'operator'

/** A listing and a page of its endpoints, in the order of their ids: all that a seller writes by hand. */
export type ListingWithEndpoints = {
  listing: Listing
  endpoints: Endpoint[]
  /** Of the whole listing. */
  endpointCount: number
  /** The id after which the next page begins, where there are more. */
  next?: string
}

/** What a caller may know about a credential: its type and where it goes, never its value. */
export type CredentialSlot = { type: string; name?: string | undefined }

/**
 * Lists something new, as a draft.
 *
 * @param slot which credential it still needs, when none is given yet.
 * @throws Problem `slug_taken`, or `invalid_request` naming what cannot be sold.
 */
export async function createListing(
  deps: ListingDeps,
  sellerId: Id<'account'>,
  input: ListingInput,
  slot?: CredentialSlot,
): Promise<ListingWithEndpoints> {
  const credential = input.credential ?? { type: 'none' as const }
  const needed = input.credential ? slotOf(credential) : (slot ?? slotOf(credential))
  checkGiven(deps, credential)
  const definitions = defineEndpoints(input.endpoints, input.backend)
  await checkDefinitions(deps, definitions, needed)
  await checkProbe(input.probe, async (slug) => definitions.get(slug))
  const now = deps.clock.now()
  const id = newId('listing', now)
  await deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, CATALOGUE)
    await insertListing(tx, {
      ...listingColumns(input),
      revision,
      id,
      slug: input.slug,
      seller_id: sellerId,
      status: 'draft',
      ...credentialColumns(deps.vault, { id, sellerId }, credential, input.backend.base_url),
      credential_type: needed.type,
      credential_name: needed.name ?? null,
      created_at: now,
      updated_at: now,
    })
    await putEndpoints(tx, { id, slug: input.slug }, definitions, now)
    await flagListing(tx, { id, slug: input.slug }, input, now)
    await deps.along?.(tx, id)
  })
  return getListing(deps.store.db, id)
}

/**
 * Changes a listing. Endpoints are merged by slug; those named in `retire` are no longer sold.
 *
 * @throws Problem `invalid_request` naming what cannot be sold.
 */
export function changeListing(deps: ListingDeps, id: string, patch: ListingPatch): Promise<void> {
  return revise(deps, id, async (listing) => {
    refuseOtherBackend(listing, patch)
    const backend = patch.backend ?? listing.backend
    const retired = patch.retire ?? []
    const endpoints = await touchedEndpoints(deps.store.db, listing, patch)
    const definitions = mergeEndpoints(endpoints, patch, backend)
    refuseUnknown(endpoints, retired)
    await checkDefinitions(deps, definitions, slotOfListing(listing))
    await checkProbe(patch.probe, async (slug) => {
      const stored = await endpointsIn(deps.store.db, id, [slug]).next()
      return definitions.get(slug) ?? (stored.done ? undefined : stored.value.definition)
    })
    const columns = listingColumns({ ...showColumns(listing), ...defined(patch), backend })
    return { columns, definitions, retired }
  })
}

/** @throws Problem `invalid_request` for a backend of tools: it is said where they are declared. */
function refuseOtherBackend({ backend }: Listing, patch: ListingPatch): void {
  if (backend.type === 'http' || patch.backend === undefined) return
  throw new Problem('invalid_request', 'This listing sells tools; its backend is fixed.', {
    action: 'Change the tools where they are declared.',
  })
}

/** Seals a new credential for the host that the listing calls now. */
export function setCredential(
  deps: ListingDeps,
  id: string,
  credential: Credential,
): Promise<void> {
  return revise(deps, id, async (listing) => {
    if (listing.backend.type === 'tool') {
      throw new Problem('invalid_request', 'This listing is a tool, whose secret is its own.', {
        action: 'Declare the tool again, with handler_auth.',
      })
    }
    checkGiven(deps, credential)
    let origin: string | undefined
    for await (const { definition, status } of endpointsIn(deps.store.db, id)) {
      if (status !== 'active') continue
      if (isHttp(definition)) checkTarget(httpTargetOf(definition), slotOf(credential))
      origin ??= urlOf(definition)?.origin
    }
    if (origin === undefined) {
      throw new Problem('invalid_request', 'No call of this listing takes a credential.')
    }
    return { columns: credentialColumns(deps.vault, listing, credential, origin) }
  })
}

/** @throws Problem `listing_changed` for a retired listing, `invalid_request` without credential. */
export function setStatus(deps: ListingDeps, id: string, status: ListingStatus): Promise<void> {
  return revise(deps, id, async (listing) => {
    if (status === 'published') refuseUnfinished(listing)
    if (listing.status === 'retired' && status !== 'retired') {
      throw new Problem('listing_changed', 'A retired listing cannot be sold again.', {
        action: 'Create a new listing.',
      })
    }
    return { columns: { status } }
  })
}

type Revision = {
  columns: Record<string, unknown>
  definitions?: ReadonlyMap<string, EndpointDefinition>
  /** Slugs of endpoints that are no longer sold. */
  retired?: readonly string[]
}

/**
 * Changes a listing as `plan` says, which may take its time to check what it was given. Where the
 * listing changed meanwhile, here or through another gateway, it is read and planned anew, so that
 * of changes at once none overwrites another.
 */
async function revise(
  deps: ListingDeps,
  id: string,
  plan: (current: Listing) => Promise<Revision>,
): Promise<void> {
  for (let isWritten = false; !isWritten; ) {
    const current = await findListing(deps.store.db, id)
    const revision = await plan(current)
    isWritten = await deps.store.inTransaction(async (tx) => {
      const written = await writeRevision(tx, current, revision, deps.clock.now())
      if (written) await deps.along?.(tx, id)
      return written
    })
  }
}

/** @returns whether the listing was still as it had been read; else nothing is written. */
async function writeRevision(
  tx: Tx,
  listing: Listing,
  { columns, definitions = new Map(), retired = [] }: Revision,
  nowMs: number,
): Promise<boolean> {
  const revision = await nextRevision(tx, CATALOGUE)
  const { id } = listing
  const changed = await tx('listings')
    .where({ id, revision: listing.revision })
    .update({ ...columns, revision, updated_at: nowMs })
  if (changed === 0) return false
  // A shipped listing that its operator changed is theirs: its file no longer overwrites it.
  await tx('listings').where({ id }).whereNotNull('file_hash').update({ file_hash: OPERATORS_OWN })
  await putEndpoints(tx, listing, definitions, nowMs)
  await flagListing(tx, listing, columns, nowMs)
  await tx('endpoints')
    .where({ listing_id: id })
    .whereIn('slug', retired)
    .update({ status: 'retired' })
  if (columns.status === undefined) await lookAgain(tx, listing.slug, nowMs)
  else await watchAnew(tx, listing, columns.status as ListingStatus, nowMs)
  return true
}

/**
 * A listing with at most {@link MAX_ENDPOINTS} of its endpoints: the first ones, or those after the id
 * `after`.
 *
 * @throws Problem `listing_not_found`.
 */
export async function getListing(db: Db, id: string, after = ''): Promise<ListingWithEndpoints> {
  return withEndpoints(db, await findListing(db, id), after)
}

/** The same of a listing that was read before: newer endpoints do no harm, older ones would. */
export async function withEndpoints(
  db: Db,
  listing: Listing,
  after = '',
): Promise<ListingWithEndpoints> {
  const { id } = listing
  const endpoints = await endpointsAfter(db, id, after, MAX_ENDPOINTS + 1)
  const isMore = endpoints.length > MAX_ENDPOINTS
  if (isMore) endpoints.pop()
  const isAll = after === '' && !isMore
  const endpointCount = isAll ? endpoints.length : await countEndpoints(db, id)
  const next = isMore ? { next: endpoints.at(-1)!.endpointId } : {}
  return { listing, endpoints, endpointCount, ...next }
}

/** @throws Problem `listing_not_found`. */
export async function findListing(db: Db, id: string): Promise<Listing> {
  const row = isId('listing', id) && (await db<ListingRow>('listings').where({ id }).first())
  if (!row) throw listingNotFound()
  return toListing(row)
}

export function listingNotFound(): Problem {
  return new Problem('listing_not_found', 'There is no such listing of this account.')
}

/** The columns that a seller writes, as they are stored. */
export function listingColumns(
  input: Omit<ListingInput, 'slug' | 'endpoints' | 'credential' | 'backend'> & { backend: Backend },
) {
  return {
    title: input.title,
    description: input.description,
    category: input.category,
    backend: JSON.stringify(input.backend),
    server: input.backend.type === 'mcp' ? input.backend.server : null,
    limits: JSON.stringify(input.limits ?? {}),
    probe: JSON.stringify(input.probe ?? {}),
    provider: JSON.stringify(input.provider ?? {}),
  }
}

export async function insertListing(tx: Tx, row: Record<string, unknown>): Promise<void> {
  try {
    await tx('listings').insert(row)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Problem('slug_taken', `The slug "${row.slug}" is taken.`)
  }
}

/** A credential as it is stored, sealed for the host of `baseUrl`. */
export function credentialColumns(
  vault: CredentialVault,
  listing: { id: string; sellerId: string },
  credential: Credential,
  baseUrl: string,
) {
  const isNone = credential.type === 'none'
  return {
    credential_type: credential.type,
    credential_name: 'name' in credential ? credential.name : null,
    credential_origin: isNone ? null : new URL(baseUrl).origin,
    credential_sealed: isNone ? null : sealCredential(vault, credentialOwner(listing), credential),
  }
}

/** @throws Problem `invalid_request` for a credential that cannot be used, or is fetched where it must not be. */
function checkGiven({ upstreams }: ListingDeps, credential: Credential): void {
  checkCredential(credential)
  if (credential.type === 'oauth2_client_credentials') {
    upstreams.checkReachable(credential.token_url, 'credential.token_url')
  }
}

async function checkDefinitions(
  { upstreams }: ListingDeps,
  definitions: ReadonlyMap<string, EndpointDefinition>,
  slot: CredentialSlot,
): Promise<void> {
  const schemas: { where: string; schema: Record<string, unknown> }[] = []
  for (const [slug, definition] of definitions) {
    const where = `endpoints.${slug}.input_schema`
    checkSchemaShape(definition.input_schema, where)
    if (isHttp(definition)) {
      upstreams.checkReachable(definition.base_url)
      checkTarget(httpTargetOf(definition), slot)
    } else {
      const handler = urlOf(definition)
      if (handler) upstreams.checkReachable(handler.origin)
    }
    schemas.push({ where, schema: definition.input_schema })
  }
  await proveSchemas(schemas)
}

/**
 * The endpoints that a patch touches: those that it names, or all where their backend changes.
 *
 * @throws Problem `invalid_request` where those are more than a patch can hold.
 */
async function touchedEndpoints(db: Db, listing: Listing, patch: ListingPatch) {
  const named = [...(patch.endpoints ?? []).map(({ slug }) => slug), ...(patch.retire ?? [])]
  const isAll = patch.backend !== undefined
  if (isAll && (await countEndpoints(db, listing.id)) > MAX_ENDPOINTS) {
    throw new Problem(
      'invalid_request',
      `A listing of more than ${MAX_ENDPOINTS} endpoints gets another backend by an import only.`,
      { action: 'Import its document again, with the new server in it.' },
    )
  }
  const endpoints: Endpoint[] = []
  const found = isAll ? endpointsIn(db, listing.id) : endpointsIn(db, listing.id, named)
  for await (const endpoint of found) endpoints.push(endpoint)
  return endpoints
}

export function slotOf(credential: Credential): CredentialSlot {
  return 'name' in credential
    ? { type: credential.type, name: credential.name }
    : { type: credential.type }
}

export function slotOfListing({ credential }: Listing): CredentialSlot {
  return { type: credential.type, name: credential.name ?? undefined }
}

/** Whether both are the same kind of credential at the same place. */
export function isSameSlot(one: CredentialSlot, other: CredentialSlot): boolean {
  return one.type === other.type && one.name === other.name
}

/** Whether nothing keeps the listing from being published: its credential, if it needs one, is set. */
export function isFinished({ credential }: Listing): boolean {
  return credential.type === 'none' || credential.sealed !== null
}

function refuseUnfinished(listing: Listing): void {
  if (isFinished(listing)) return
  throw new Problem('invalid_request', 'The listing needs its credential before it is published.', {
    action: listing.operatorMust ?? 'Set it with PUT /v1/listings/{id}/credential.',
  })
}

function showColumns(listing: Listing) {
  const { title, description, category, limits, probe, provider } = listing
  return { title, description, category, limits, probe, provider }
}

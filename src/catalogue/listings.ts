/**
 * Listings as their sellers manage them. Every change of an endpoint's schema, price or backend is
 * a new immutable version; nothing that was ever sold is overwritten or deleted.
 */
import { canonicalJson } from '#core/canonical-json'
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
import {
  credentialOwner,
  ENDPOINT_COLUMNS,
  type Endpoint,
  type EndpointDefinition,
  type EndpointRow,
  type Listing,
  type ListingRow,
  type ListingStatus,
  toEndpoint,
  toListing,
} from './listing.js'
import type { EndpointInput, ListingInput, ListingPatch } from './listing-schema.js'
import { CATALOGUE } from './revision.js'

export type ListingDeps = {
  store: Store
  clock: Clock
  vault: CredentialVault
  upstreams: Upstreams
}

/** What `file_hash` says of a shipped listing that its operator has changed. */
export const OPERATORS_OWN = 'operator'

export type ListingWithEndpoints = { listing: Listing; endpoints: Endpoint[] }

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
  checkCredential(credential)
  const definitions = input.endpoints.map((endpoint) => defineEndpoint(endpoint, input.backend))
  await checkDefinitions(deps, slugs(input.endpoints), definitions, needed)
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
    for (const [i, endpoint] of input.endpoints.entries()) {
      await putEndpoint(tx, { id, slug: input.slug }, endpoint.slug, definitions[i]!, now)
    }
  })
  return getListing(deps.store.db, id)
}

/**
 * Changes a listing. Endpoints are merged by slug; those named in `retire` are no longer sold.
 *
 * @throws Problem `invalid_request` naming what cannot be sold.
 */
export function changeListing(deps: ListingDeps, id: string, patch: ListingPatch): Promise<void> {
  return revise(deps, id, async ({ listing, endpoints }) => {
    const backend = patch.backend ?? listing.backend
    const definitions = mergeEndpoints(endpoints, patch, backend)
    const retired = patch.retire ?? []
    refuseUnknown(endpoints, retired)
    const slot = { type: listing.credential.type, name: listing.credential.name ?? undefined }
    await checkDefinitions(deps, [...definitions.keys()], [...definitions.values()], slot)
    const columns = listingColumns({ ...showColumns(listing), ...defined(patch), backend })
    return { columns, definitions, retired }
  })
}

/** Seals a new credential for the host that the listing calls now. */
export function setCredential(
  deps: ListingDeps,
  id: string,
  credential: Credential,
): Promise<void> {
  return revise(deps, id, async ({ listing, endpoints }) => {
    checkCredential(credential)
    for (const { definition, status } of endpoints) {
      if (status === 'active') checkTarget(targetOf(definition), slotOf(credential))
    }
    const { base_url: baseUrl } = listing.backend
    return { columns: credentialColumns(deps.vault, listing, credential, baseUrl) }
  })
}

/** @throws Problem `listing_changed` for a retired listing, `invalid_request` without credential. */
export function setStatus(deps: ListingDeps, id: string, status: ListingStatus): Promise<void> {
  return revise(deps, id, async ({ listing }) => {
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
  plan: (current: ListingWithEndpoints) => Promise<Revision>,
): Promise<void> {
  for (let isWritten = false; !isWritten; ) {
    const current = await getListing(deps.store.db, id)
    const revision = await plan(current)
    isWritten = await deps.store.inTransaction((tx) =>
      writeRevision(tx, current.listing, revision, deps.clock.now()),
    )
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
  for (const [slug, definition] of definitions) {
    await putEndpoint(tx, listing, slug, definition, nowMs)
  }
  await tx('endpoints')
    .where({ listing_id: id })
    .whereIn('slug', retired)
    .update({ status: 'retired' })
  return true
}

/** @throws Problem `listing_not_found`. */
export async function getListing(db: Db, id: string): Promise<ListingWithEndpoints> {
  const row = isId('listing', id) && (await db<ListingRow>('listings').where({ id }).first())
  if (!row) throw listingNotFound()
  // The listing first: endpoints that are newer than its revision do no harm, older ones would.
  return { listing: toListing(row), endpoints: await endpointsOf(db, id) }
}

export function listingNotFound(): Problem {
  return new Problem('listing_not_found', 'There is no such listing of this account.')
}

/** The latest version of each endpoint of a listing. */
export async function endpointsOf(db: Db, listingId: string): Promise<Endpoint[]> {
  const rows: EndpointRow[] = await db('endpoints')
    .join('endpoint_versions', (join) =>
      join
        .on('endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
        .andOn('endpoints.latest_version', 'endpoint_versions.version'),
    )
    .where('endpoints.listing_id', listingId)
    .orderBy('endpoints.endpoint_id')
    .select(...ENDPOINT_COLUMNS)
  return rows.map(toEndpoint)
}

/** What an endpoint sells, from what its seller wrote. */
export function defineEndpoint(
  endpoint: EndpointInput,
  backend: { base_url: string },
): EndpointDefinition {
  return {
    title: endpoint.title,
    description: endpoint.description,
    method: endpoint.method,
    path: endpoint.path,
    base_url: backend.base_url.replace(/\/+$/, ''),
    input_schema: endpoint.input_schema,
    ...(endpoint.output_schema !== undefined && { output_schema: endpoint.output_schema }),
    ...(endpoint.example !== undefined && { example: endpoint.example }),
    ...(endpoint.tags !== undefined && { tags: endpoint.tags }),
    price: endpoint.price,
    success: endpoint.success ?? { status: '2xx' },
    requires_approval: endpoint.requires_approval ?? false,
  }
}

/** Writes a new version where the definition differs from the latest. Reports whether it did. */
export async function putEndpoint(
  tx: Tx,
  listing: { id: string; slug: string },
  slug: string,
  definition: EndpointDefinition,
  nowMs: number,
): Promise<boolean> {
  const endpointId = `${listing.slug}.${slug}`
  const latest: EndpointRow | undefined = await tx('endpoints')
    .join('endpoint_versions', (join) =>
      join
        .on('endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
        .andOn('endpoints.latest_version', 'endpoint_versions.version'),
    )
    .where('endpoints.endpoint_id', endpointId)
    .first(...ENDPOINT_COLUMNS)
  const text = canonicalJson(definition)
  if (latest?.status === 'active' && latest.definition === text) return false
  const version = latest ? Number(latest.latest_version) + 1 : 1
  const endpoint = { status: 'active', latest_version: version }
  if (latest) await tx('endpoints').where({ endpoint_id: endpointId }).update(endpoint)
  else {
    const row = { endpoint_id: endpointId, listing_id: listing.id, slug, created_at: nowMs }
    await tx('endpoints').insert({ ...row, ...endpoint })
  }
  await tx('endpoint_versions').insert({
    endpoint_id: endpointId,
    version,
    definition: text,
    created_at: nowMs,
  })
  return true
}

/** The columns that a seller writes, as they are stored. */
export function listingColumns(input: Omit<ListingInput, 'slug' | 'endpoints' | 'credential'>) {
  return {
    title: input.title,
    description: input.description,
    category: input.category,
    backend: JSON.stringify(input.backend),
    limits: JSON.stringify(input.limits ?? {}),
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

function credentialColumns(
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

async function checkDefinitions(
  { upstreams }: ListingDeps,
  endpointSlugs: readonly string[],
  definitions: readonly EndpointDefinition[],
  slot: CredentialSlot,
): Promise<void> {
  const schemas: { where: string; schema: Record<string, unknown> }[] = []
  for (const [i, definition] of definitions.entries()) {
    const where = `endpoints.${endpointSlugs[i]}.input_schema`
    checkSchemaShape(definition.input_schema, where)
    upstreams.checkReachable(definition.base_url)
    checkTarget(targetOf(definition), slot)
    schemas.push({ where, schema: definition.input_schema })
  }
  await proveSchemas(schemas)
}

function targetOf(definition: EndpointDefinition) {
  return {
    baseUrl: definition.base_url,
    method: definition.method,
    path: definition.path,
    inputSchema: definition.input_schema,
  }
}

function slotOf(credential: Credential): CredentialSlot {
  return 'name' in credential
    ? { type: credential.type, name: credential.name }
    : { type: credential.type }
}

function slugs(endpoints: readonly { slug: string }[]): string[] {
  const names = endpoints.map((endpoint) => endpoint.slug)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new Problem('invalid_request', `The endpoint slug "${twice}" is there twice.`)
  return names
}

/** The definitions that a patch leaves behind, by slug; only those that it touches. */
function mergeEndpoints(
  current: readonly Endpoint[],
  patch: ListingPatch,
  backend: { base_url: string },
): Map<string, EndpointDefinition> {
  const merged = new Map<string, EndpointDefinition>()
  const patched = new Map((patch.endpoints ?? []).map((endpoint) => [endpoint.slug, endpoint]))
  slugs(patch.endpoints ?? [])
  for (const endpoint of current) {
    const change = patched.get(endpoint.slug)
    patched.delete(endpoint.slug)
    if (!change && (!patch.backend || endpoint.status === 'retired')) continue
    const { base_url, ...rest } = endpoint.definition
    merged.set(
      endpoint.slug,
      defineEndpoint({ ...rest, ...defined(change ?? {}), slug: endpoint.slug }, backend),
    )
  }
  for (const [slug, endpoint] of patched) {
    const missing = (
      ['title', 'description', 'method', 'path', 'input_schema', 'price'] as const
    ).filter((name) => endpoint[name] === undefined)
    if (missing.length > 0) {
      throw new Problem(
        'invalid_request',
        `The new endpoint "${slug}" lacks ${missing.join(', ')}.`,
      )
    }
    merged.set(slug, defineEndpoint(endpoint as EndpointInput, backend))
  }
  return merged
}

function refuseUnknown(endpoints: readonly Endpoint[], retired: readonly string[]): void {
  const unknown = retired.find((slug) => !endpoints.some((endpoint) => endpoint.slug === slug))
  if (unknown === undefined) return
  throw new Problem('invalid_request', `The listing has no endpoint "${unknown}" to retire.`)
}

function refuseUnfinished(listing: Listing): void {
  if (listing.credential.type === 'none' || listing.credential.sealed) return
  throw new Problem('invalid_request', 'The listing needs its credential before it is published.', {
    action: listing.operatorMust ?? 'Set it with PUT /v1/listings/{id}/credential.',
  })
}

function showColumns(listing: Listing) {
  const { title, description, category, limits, provider } = listing
  return { title, description, category, limits, provider }
}

/**
 * The catalogue that ships with the gateway: one YAML file a provider. A file is applied when it is
 * new or changed, and no more once the operator has made the listing their own.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { sha256Hex } from '#core/canonical-json'
import { type Id, newId } from '#core/ids'
import { checkSchemaShape } from '#schemas'
import { nextRevision, type Tx } from '#store'
import { checkTarget } from '#upstreams'
import { defineEndpoints } from './endpoint-changes.js'
import { watchAnew } from './health-rows.js'
import { type ShippedListing, shippedListingSchema } from './listing-schema.js'
import { insertListing, type ListingDeps, listingColumns, OPERATORS_OWN } from './listings.js'
import { CATALOGUE } from './revision.js'
import { putEndpoints } from './versions.js'

/** Applies what is new or changed. Gateways that load at once apply each file once. */
export async function loadShipped(
  deps: ListingDeps,
  options: {
    folder: string
    sellerId: Id<'account'>
    onProgress?: (done: number, all: number) => void
  },
): Promise<void> {
  const names = (await readdir(options.folder)).filter((name) => name.endsWith('.yaml')).sort()
  const known = await appliedHashes(deps)
  for (const [i, name] of names.entries()) {
    const text = await readFile(join(options.folder, name), 'utf8')
    const slug = name.slice(0, -'.yaml'.length)
    const hash = sha256Hex(text)
    const applied = known.get(slug)
    if (isApplied(applied, hash)) continue
    const shipped = readShipped(text, name)
    await deps.store.inTransaction((tx) => apply(tx, deps, shipped, options.sellerId, hash))
    options.onProgress?.(i + 1, names.length)
  }
}

/** Slugs of the providers that ship; other sellers cannot take them. */
export async function shippedSlugs(folder: string): Promise<Set<string>> {
  const names = await readdir(folder)
  return new Set(names.filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -5)))
}

/**
 * Reads and checks one file.
 *
 * @throws Error naming the file and what is wrong with it.
 */
export function readShipped(text: string, name: string): ShippedListing {
  try {
    const shipped = shippedListingSchema.parse(parse(text))
    if (`${shipped.slug}.yaml` !== name) throw new Error('the slug is not the name of the file')
    for (const endpoint of shipped.endpoints) {
      checkSchemaShape(endpoint.input_schema, `endpoints.${endpoint.slug}.input_schema`)
      const { base_url: baseUrl } = shipped.backend
      const { method, path, input_schema: inputSchema } = endpoint
      checkTarget({ baseUrl, method, path, inputSchema }, shipped.credential)
    }
    return shipped
  } catch (cause) {
    throw new Error(`catalog/${name}: ${(cause as Error).message}`, { cause })
  }
}

async function appliedHashes({ store }: ListingDeps): Promise<Map<string, string>> {
  const rows = await store.db('listings').whereNotNull('file_hash').select('slug', 'file_hash')
  return new Map(rows.map((row) => [row.slug as string, row.file_hash as string]))
}

async function apply(
  tx: Tx,
  deps: ListingDeps,
  shipped: ShippedListing,
  sellerId: Id<'account'>,
  hash: string,
): Promise<void> {
  const now = deps.clock.now()
  const revision = await nextRevision(tx, CATALOGUE)
  // Read after the revision was taken: until now another gateway may have been at the same file.
  const existing = await tx('listings').where({ slug: shipped.slug }).first('id', 'file_hash')
  if (isApplied(existing?.file_hash, hash)) return
  const id: string = existing?.id ?? newId('listing', now)
  const row = {
    ...listingColumns(shipped),
    status: shipped.status === 'live' ? ('published' as const) : ('draft' as const),
    credential_type: shipped.credential.type,
    credential_name: shipped.credential.name ?? null,
    operator_must: shipped.operator_must ?? null,
    file_hash: hash,
    revision,
    updated_at: now,
  }
  if (existing) await tx('listings').where({ id }).update(row)
  else {
    await insertListing(tx, {
      ...row,
      id,
      slug: shipped.slug,
      seller_id: sellerId,
      created_at: now,
    })
  }
  await watchAnew(tx, shipped, row.status, now)
  const slugs = shipped.endpoints.map((endpoint) => endpoint.slug)
  const definitions = defineEndpoints(shipped.endpoints, shipped.backend)
  await putEndpoints(tx, { id, slug: shipped.slug }, definitions, now)
  await tx('endpoints')
    .where({ listing_id: id })
    .whereNotIn('slug', slugs)
    .update({ status: 'retired' })
}

function isApplied(applied: string | null | undefined, hash: string): boolean {
  return applied === hash || applied === OPERATORS_OWN
}

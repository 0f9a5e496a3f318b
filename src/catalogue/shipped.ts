/**
 * The catalogue that ships with the gateway: one YAML file a provider. A file is applied when it is
 * new or changed, and no more once the operator has made the listing their own.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { sha256Hex } from '#core/canonical-json'
import { type Id, newId } from '#core/ids'
import type { Tx } from '#store'
import { checkTarget } from '#upstreams'
import { checkSchemaShape } from './input-schema.js'
import { type ShippedListing, shippedListingSchema } from './listing-schema.js'
import {
  defineEndpoint,
  insertListing,
  type ListingDeps,
  listingColumns,
  putEndpoint,
} from './listings.js'

/** What `file_hash` says of a listing that its operator has changed. */
export const OPERATORS_OWN = 'operator'

/** @returns ids of the listings that changed. */
export async function loadShipped(
  deps: ListingDeps,
  options: {
    folder: string
    sellerId: Id<'account'>
    onProgress?: (done: number, all: number) => void
  },
): Promise<string[]> {
  const names = (await readdir(options.folder)).filter((name) => name.endsWith('.yaml')).sort()
  const known = await appliedHashes(deps)
  const changed: string[] = []
  for (const [i, name] of names.entries()) {
    const text = await readFile(join(options.folder, name), 'utf8')
    const slug = name.slice(0, -'.yaml'.length)
    const hash = sha256Hex(text)
    const applied = known.get(slug)
    if (applied === hash || applied === OPERATORS_OWN) continue
    const shipped = readShipped(text, name)
    changed.push(
      await deps.store.inTransaction((tx) => apply(tx, deps, shipped, options.sellerId, hash)),
    )
    options.onProgress?.(i + 1, names.length)
  }
  return changed
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
): Promise<string> {
  const now = deps.clock.now()
  const existing = await tx('listings').where({ slug: shipped.slug }).first('id')
  const id: string = existing?.id ?? newId('listing', now)
  const row = {
    ...listingColumns(shipped),
    status: shipped.status === 'live' ? 'published' : 'draft',
    credential_type: shipped.credential.type,
    credential_name: shipped.credential.name ?? null,
    operator_must: shipped.operator_must ?? null,
    file_hash: hash,
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
  const slugs = shipped.endpoints.map((endpoint) => endpoint.slug)
  for (const endpoint of shipped.endpoints) {
    const definition = defineEndpoint(endpoint, shipped.backend)
    await putEndpoint(tx, { id, slug: shipped.slug }, endpoint.slug, definition, now)
  }
  await tx('endpoints')
    .where({ listing_id: id })
    .whereNotIn('slug', slugs)
    .update({ status: 'retired' })
  return id
}

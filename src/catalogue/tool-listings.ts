/**
 * Listings whose endpoints are tools: declared by their account, discovered at an MCP server, or
 * functions of this process. What they are is said there; here they come to be sold, as everything
 * is, in versions that never change.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical-json'
import { type Id, newId } from '#core/ids'
import { plainLine, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { checkSchemaShape, proveSchemas } from '#schemas'
import { type Db, nextRevision, type Tx } from '#store'
import type { Credential } from '#upstreams'
import {
  type Backend,
  type Listing,
  type ListingRow,
  type ToolDefinition,
  toListing,
} from './listing.js'
import { credentialColumns, insertListing, type ListingDeps, listingColumns } from './listings.js'
import { CATALOGUE } from './revision.js'
import { hiddenNameIn, plainSchema } from './schema-text.js'
import { flagListing } from './text-flags.js'
import { endpointIdOf, endpointsIn, putEndpoints, storedEndpoints } from './versions.js'

const MAX_SLUG = 64
const MAX_TITLE = 120
const MAX_DESCRIPTION = 4_000

export type ToolListing = {
  sellerId: Id<'account'>
  slug: string
  title: string
  description: string
  category: string
  backend: Exclude<Backend, { type: 'http' }>
  visibility: Listing['visibility']
  /** Sent to the handler; only for a listing of tools with a handler each. */
  credential?: { value: Credential; url: string } | undefined
  tools: readonly ToolDefinition[]
  /** Whether tools of the listing that are not among `tools` are no longer sold. */
  isComplete: boolean
}

/** What was put on sale of each tool, by the name that the tool has. */
export type PutTools = {
  listingId: Id<'listing'>
  tools: { name: string; endpointId: string; version: number }[]
  /** Tools that cannot be sold, and why. */
  refused: { name: string; reason: string }[]
}

/**
 * Brings a listing up to `listing`, and makes it where there is none: a tool that differs from its
 * latest version becomes the next one. Buyers on this gateway see it after the next `follow`.
 *
 * @throws Problem `slug_taken` where another account, or another kind of backend, has the slug.
 */
export async function putToolListing(deps: ListingDeps, listing: ToolListing): Promise<PutTools> {
  const { sellable, refused } = await sellableOf(listing.tools)
  const definitions = bySlug(sellable)
  const now = deps.clock.now()
  const id = await deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, CATALOGUE)
    const id = await putListing(deps, tx, listing, { revision, now })
    const stored = { id, slug: listing.slug }
    await putEndpoints(tx, stored, definitions, now)
    await flagListing(tx, stored, listing, now)
    if (listing.isComplete) {
      await tx('endpoints')
        .where({ listing_id: id })
        .whereNotIn('slug', [...definitions.keys()])
        .update({ status: 'retired' })
    }
    return id
  })
  const stored = await storedEndpoints(deps.store.db, listing, [...definitions.keys()])
  const tools = [...definitions].map(([slug, { name }]) => {
    const version = stored.get(slug)?.version ?? 1
    return { name, endpointId: endpointIdOf(listing, slug), version }
  })
  return { listingId: id, tools, refused }
}

/** The tools of a listing as they are sold now, by name. */
export async function toolsOf(
  db: Db,
  sellerId: string,
  slug: string,
): Promise<Map<string, ToolDefinition>> {
  const row = await db<ListingRow>('listings').where({ slug, seller_id: sellerId }).first('id')
  const tools = new Map<string, ToolDefinition>()
  if (!row) return tools
  for await (const { status, definition } of endpointsIn(db, row.id)) {
    if (status === 'active' && 'name' in definition) tools.set(definition.name, definition)
  }
  return tools
}

/** A tool's name as the slug of its endpoint; one that says less than the name ends in a hash of it. */
export function slugOfTool(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
  const slug = words.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  const isWhole = slug.length <= MAX_SLUG && slug !== ''
  if (isWhole) return slug
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${slug.slice(0, MAX_SLUG - 9) || 'tool'}-${hash}`.replace(/-+/g, '-')
}

/** Two names may make the same slug: then the later one, in the order of names, gets a hash. */
function bySlug(tools: readonly ToolDefinition[]): Map<string, ToolDefinition> {
  const definitions = new Map<string, ToolDefinition>()
  for (const tool of [...tools].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const slug = slugOfTool(tool.name)
    definitions.set(definitions.has(slug) ? hashedSlug(tool.name, slug) : slug, tool)
  }
  return definitions
}

function hashedSlug(name: string, slug: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${slug.slice(0, MAX_SLUG - 9)}-${hash}`
}

async function putListing(
  { vault }: ListingDeps,
  tx: Tx,
  listing: ToolListing,
  { revision, now }: { revision: number; now: number },
): Promise<Id<'listing'>> {
  const { slug, sellerId, visibility, credential } = listing
  const row: ListingRow | undefined = await tx('listings').where({ slug }).first()
  const known = row && toListing(row)
  if (known && (known.sellerId !== sellerId || known.backend.type !== listing.backend.type)) {
    throw new Problem('slug_taken', `The slug "${slug}" is taken.`)
  }
  const id = known?.id ?? newId('listing', now)
  const { value, url } = credential ?? { value: { type: 'none' as const }, url: '' }
  const columns = {
    ...listingColumns(listing),
    ...credentialColumns(vault, { id, sellerId }, value, url),
    ...{ visibility, revision, updated_at: now },
  }
  if (known) {
    // What its seller set of limits, and a pause, stay.
    const { limits, probe, provider, ...changed } = columns
    await tx('listings').where({ id }).update(changed)
  } else {
    const born = { id, slug, seller_id: sellerId, status: 'published', created_at: now }
    await insertListing(tx, { ...columns, ...born })
  }
  return id
}

/** Tools whose texts are made plain and whose schemas were proved; a bad one fails alone. */
async function sellableOf(tools: readonly ToolDefinition[]) {
  const refused: PutTools['refused'] = []
  const plain: ToolDefinition[] = []
  for (const tool of tools) {
    try {
      plain.push(plainTool(tool))
    } catch (error) {
      refused.push({ name: tool.name, reason: reasonOf(error) })
    }
  }
  try {
    await proveSchemas(plain.map(schemaOf))
    return { sellable: plain, refused }
  } catch (error) {
    reasonOf(error)
  }
  const sellable: ToolDefinition[] = []
  for (const tool of plain) {
    try {
      await proveSchemas([schemaOf(tool)])
      sellable.push(tool)
    } catch (error) {
      refused.push({ name: tool.name, reason: reasonOf(error) })
    }
  }
  return { sellable, refused }
}

function schemaOf({ name, input_schema }: ToolDefinition) {
  return { where: `input_schema of ${name}`, schema: input_schema }
}

function plainTool(tool: ToolDefinition): ToolDefinition {
  const hidden = hiddenNameIn(tool.input_schema)
  if (hidden !== undefined) {
    throw new Problem('invalid_request', `It has invisible characters in a name, at ${hidden}.`)
  }
  const input_schema = plainSchema(tool.input_schema)
  checkSchemaShape(input_schema, `input_schema of ${tool.name}`)
  if (Buffer.byteLength(canonicalJson(tool.output_schema ?? {})) > MAX_OUTPUT_SCHEMA_BYTES) {
    throw new Problem('invalid_request', 'Its output schema is longer than 64 KiB.')
  }
  return {
    ...tool,
    title: plainLine(tool.title).slice(0, MAX_TITLE) || tool.name,
    description: plainText(tool.description).slice(0, MAX_DESCRIPTION) || tool.name,
    input_schema,
    ...(tool.output_schema && { output_schema: plainSchema(tool.output_schema) }),
  }
}

const MAX_OUTPUT_SCHEMA_BYTES = 64 * 1024

/** Why a tool cannot be sold; every other failure is ours. */
function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.message
  throw error
}

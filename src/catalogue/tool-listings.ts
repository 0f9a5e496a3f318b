/**
 * Listings whose endpoints are tools: declared by their account, discovered at an MCP server, or
 * functions of this process. What they are is said there; here they come to be sold, as everything
 * is, in versions that never change.
 */
import { createHash } from 'node:crypto'
import { type Id, newId } from '#core/ids'
import { plainLine, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { checkSchemaShape, proveSchemas } from '#schemas'
import { type Db, nextRevision, type Tx } from '#store'
import type { Credential } from '#upstreams'
import { settleHandlerCredential } from './handler-credentials.js'
import {
  type Backend,
  type Listing,
  type ListingRow,
  type ToolDefinition,
  toListing,
} from './listing.js'
import { insertListing, type ListingDeps, listingColumns } from './listings.js'
import { redefinedIn } from './redefined.js'
import { CATALOGUE } from './revision.js'
import { hiddenNameIn, plainSchema } from './schema-text.js'
import { flagListing, flagRedefined } from './text-flags.js'
import {
  endpointIdOf,
  endpointsIn,
  putEndpoints,
  type StoredEndpoint,
  storedEndpoints,
} from './versions.js'

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
  /** What handlers are sent, by the names of their tools; others keep what they have. */
  credentials?: ReadonlyMap<string, Credential> | undefined
  tools: readonly ToolDefinition[]
  /** Whether tools of the listing that are not among `tools` are no longer sold. */
  isComplete: boolean
}

/** What was put on sale of each tool, by the name that the tool has. */
export type PutTools = {
  listingId: Id<'listing'>
  tools: { name: string; endpointId: string; version: number; isNewVersion: boolean }[]
  /** Tools that cannot be sold, and why. */
  refused: { name: string; reason: string }[]
}

/** What stands or falls with what was put on sale. */
export type Alongside = (tx: Tx, put: PutTools) => Promise<void>

/**
 * Brings a listing up to `listing`, and makes it where there is none: a tool that differs from its
 * latest version becomes the next one. Buyers on this gateway see it after the next `follow`.
 *
 * @throws Problem `slug_taken` where another account, or another kind of backend, has the slug,
 *   `invalid_request` where a handler moved to a host that its secret is not for.
 */
export async function putToolListing(
  deps: ListingDeps,
  listing: ToolListing,
  alongside: Alongside = async () => {},
): Promise<PutTools> {
  const { sellable, refused } = await sellableOf(listing.tools)
  const definitions = bySlug(sellable)
  const now = deps.clock.now()
  const slugs = [...definitions.keys()]
  return deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, CATALOGUE)
    const id = await putListing(tx, listing, { revision, now })
    const stored = { id, slug: listing.slug }
    const before = await storedEndpoints(tx, listing, slugs)
    await settleCredentials(deps, tx, listing, definitions, before)
    await putEndpoints(tx, stored, definitions, now)
    await flagRedefined(tx, stored, redefinedIn(definitions, before), now)
    await flagListing(tx, stored, listing, now)
    if (listing.isComplete) {
      await tx('endpoints')
        .where({ listing_id: id })
        .whereNotIn('slug', slugs)
        .update({ status: 'retired' })
    }
    const after = await storedEndpoints(tx, listing, slugs)
    const tools = [...definitions].map(([slug, { name }]) => {
      const { endpointId, version } = after.get(slug)!
      return { name, endpointId, version, isNewVersion: version !== before.get(slug)?.version }
    })
    const put = { listingId: id, tools, refused }
    await alongside(tx, put)
    return put
  })
}

/** Each handler gets its secret, at the address that it has from now on. */
async function settleCredentials(
  { vault }: ListingDeps,
  tx: Tx,
  { slug: listing, sellerId, credentials }: ToolListing,
  definitions: ReadonlyMap<string, ToolDefinition>,
  stored: ReadonlyMap<string, StoredEndpoint>,
): Promise<void> {
  for (const [slug, { name, backend }] of definitions) {
    if (backend.type !== 'tool') continue
    const endpointId = endpointIdOf({ slug: listing }, slug)
    const before = stored.get(slug) && JSON.parse(stored.get(slug)!.text).backend.handler_url
    const handler = { sellerId, endpointId, url: backend.handler_url }
    await settleHandlerCredential(tx, vault, handler, { given: credentials?.get(name), before })
  }
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
  return isWhole ? slug : hashedSlug(name, slug || 'tool')
}

/** Two names may make the same slug: then the later one, in the order of names, gets a hash. */
function bySlug(tools: readonly ToolDefinition[]): Map<string, ToolDefinition> {
  const definitions = new Map<string, ToolDefinition>()
  for (const tool of [...tools].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = ownName(tool)
    const slug = slugOfTool(name)
    definitions.set(definitions.has(slug) ? hashedSlug(name, slug) : slug, tool)
  }
  return definitions
}

/** The listing says already which server a tool is of. */
function ownName({ name, backend }: ToolDefinition): string {
  return backend.type === 'mcp' ? backend.tool : name
}

function hashedSlug(name: string, slug: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${slug.slice(0, MAX_SLUG - 9)}-${hash}`.replace(/-+/g, '-')
}

async function putListing(
  tx: Tx,
  listing: ToolListing,
  { revision, now }: { revision: number; now: number },
): Promise<Id<'listing'>> {
  const { slug, sellerId, visibility } = listing
  const row: ListingRow | undefined = await tx('listings').where({ slug }).first()
  const known = row && toListing(row)
  if (known && (known.sellerId !== sellerId || known.backend.type !== listing.backend.type)) {
    throw new Problem('slug_taken', `The slug "${slug}" is taken.`)
  }
  const id = known?.id ?? newId('listing', now)
  const columns = { ...listingColumns(listing), visibility, revision, updated_at: now }
  if (known) {
    // What its seller set of limits, and a pause, stay; one that was given up is taken up again.
    const { limits, probe, provider, ...changed } = columns
    const status = known.status === 'retired' ? 'published' : known.status
    await tx('listings')
      .where({ id })
      .update({ ...changed, status })
  } else {
    const born = { id, slug, seller_id: sellerId, status: 'published', created_at: now }
    await insertListing(tx, { ...columns, ...born, credential_type: 'none' })
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
    await proveSchemas(plain.flatMap(schemasOf))
    return { sellable: plain, refused }
  } catch (error) {
    reasonOf(error)
  }
  const sellable: ToolDefinition[] = []
  for (const tool of plain) {
    try {
      await proveSchemas(schemasOf(tool))
      sellable.push(tool)
    } catch (error) {
      refused.push({ name: tool.name, reason: reasonOf(error) })
    }
  }
  return { sellable, refused }
}

function schemasOf({ name, input_schema, output_schema }: ToolDefinition) {
  const taken = { where: `input_schema of ${name}`, schema: input_schema }
  if (!output_schema) return [taken]
  return [taken, { where: `output_schema of ${name}`, schema: output_schema }]
}

function plainTool(tool: ToolDefinition): ToolDefinition {
  const hidden = hiddenNameIn(tool.input_schema)
  if (hidden !== undefined) {
    throw new Problem('invalid_request', `It has invisible characters in a name, at ${hidden}.`)
  }
  const input_schema = plainSchema(tool.input_schema)
  checkSchemaShape(input_schema, `input_schema of ${tool.name}`)
  const { output_schema, ...rest } = tool
  return {
    ...rest,
    title: plainLine(tool.title).slice(0, MAX_TITLE) || tool.name,
    description: plainText(tool.description).slice(0, MAX_DESCRIPTION) || tool.name,
    input_schema,
    ...(output_schema && { output_schema: plainOutput(tool.name, output_schema) }),
  }
}

function plainOutput(name: string, schema: Record<string, unknown>): Record<string, unknown> {
  const plain = plainSchema(schema)
  checkSchemaShape(plain, `output_schema of ${name}`)
  return plain
}

/** Why a tool cannot be sold; every other failure is ours. */
function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.message
  throw error
}

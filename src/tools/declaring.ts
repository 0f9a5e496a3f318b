/** A tool comes to be sold: one listing each, in versions that never change. */
import { createHash } from 'node:crypto'
import type { Account, Along } from '#accounts'
import { type Catalogue, type PutTools, slugOfTool, type ToolDefinition } from '#catalogue'
import type { Clock } from '#core/clock'
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { int, type Store, type Tx } from '#store'
import type { Credential } from '#upstreams'
import { claimNames, releaseNames } from './tool-names.js'
import { type DeclaredSource, type Tool, toolNamed } from './tool-rows.js'

const MAX_SLUG = 64
const MAX_TOOLS = 1_000
/** How often it is tried again, when others take a slug in the same moment. */
const MAX_TRIES = 3

export type DeclaringDeps = {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'putTools' | 'change'>
}

export type Declaration = {
  source: DeclaredSource
  definition: ToolDefinition
  visibility: 'public' | 'private'
  /** What its handler is sent; the one that it has, where none is given. */
  credential?: Credential | undefined
  /** Told of a new version. */
  along?: Along | undefined
}

export type Declared = {
  tool: Tool
  version: number
  /** Whether it differs from what was there before. */
  isNewVersion: boolean
}

/** Somebody else took the slug meanwhile. */
const TAKEN = Symbol('taken')

/**
 * Declares a tool, or its next version where one differs: the same again changes nothing.
 *
 * @throws Problem `invalid_request` for what cannot be sold.
 */
export async function declare(
  deps: DeclaringDeps,
  account: Pick<Account, 'id' | 'slug'>,
  declaration: Declaration,
): Promise<Declared> {
  for (let tries = 1; ; tries++) {
    try {
      return await put(deps, account, declaration)
    } catch (error) {
      const isTaken = error === TAKEN || (error instanceof Problem && error.code === 'slug_taken')
      if (!isTaken || tries === MAX_TRIES) throw error
    }
  }
}

/** Gives a tool up: its next call is refused. Declared again, it goes on with its next version. */
export async function retire(deps: DeclaringDeps, tool: Tool, along?: Along): Promise<void> {
  const slug = tool.endpointId.slice(tool.listingSlug.length + 1)
  // First what is sold: if this ends in between, asking again does the rest.
  const retired = { retire: [slug] }
  await deps.catalogue.change(tool.accountId, tool.listingId, retired, async (tx) =>
    along?.(tx, tool.id),
  )
  await deps.store.inTransaction(async (tx) => {
    await releaseNames(tx, [tool.endpointId])
    await tx('tools').where({ id: tool.id }).update({ retired_at: deps.clock.now() })
  })
}

async function put(
  deps: DeclaringDeps,
  account: Pick<Account, 'id' | 'slug'>,
  { source, definition, visibility, credential, along }: Declaration,
): Promise<Declared> {
  const { name, title, description, backend } = definition
  const key = { accountId: account.id, name, source }
  const listing = {
    ...{ sellerId: account.id, title, description, category: 'tools', visibility },
    slug: await slugFor(deps, account, key),
    backend: { type: backend.type === 'code' ? ('code' as const) : ('tool' as const) },
    ...(credential && { credentials: new Map([[name, credential]]) }),
    tools: [definition],
    isComplete: true,
  }
  let tool: Tool | undefined
  const { tools } = await deps.catalogue.putTools(listing, async (tx, put) => {
    tool = await keep(deps, tx, { ...key, listingSlug: listing.slug }, put)
    await claimNames(tx, account.id, source, [tool])
    const { version, isNewVersion } = put.tools[0]!
    if (isNewVersion) await along?.(tx, tool.id, { name, version })
  })
  const { version, isNewVersion } = tools[0]!
  return { tool: tool!, version, isNewVersion }
}

/** Writes down what was put on sale; refuses where it was not. */
async function keep(
  { clock }: DeclaringDeps,
  tx: Tx,
  key: Pick<Tool, 'accountId' | 'name' | 'source' | 'listingSlug'>,
  { listingId, tools: [sold], refused: [refused] }: PutTools,
): Promise<Tool> {
  if (refused || !sold) throw new Problem('invalid_request', refused!.reason)
  const known = await toolNamed(tx, key)
  const other = await tx('tools').where({ listing_id: listingId }).first('id')
  if (known ? known.listingId !== listingId : other) throw TAKEN
  if (!known) await refuseTooMany(tx, key.accountId)
  if (known && !known.isRetired) return known
  if (known) {
    await tx('tools').where({ id: known.id }).update({ retired_at: null })
    return { ...known, isRetired: false }
  }
  const now = clock.now()
  const { endpointId } = sold
  const id: Id<'tool'> = newId('tool', now)
  await tx('tools').insert({
    ...{ id, account_id: key.accountId, name: key.name, source: key.source },
    ...{ listing_id: listingId, listing_slug: key.listingSlug, endpoint_id: endpointId },
    created_at: now,
  })
  return { ...key, id, listingId, endpointId, createdAtMs: now, isRetired: false }
}

async function refuseTooMany(tx: Tx, accountId: string): Promise<void> {
  const row = await tx('tools').where({ account_id: accountId }).count({ count: '*' }).first()
  if (int(row?.count ?? 0) < MAX_TOOLS) return
  throw new Problem('invalid_request', `An account may declare ${MAX_TOOLS} tools.`, {
    action: 'Declare a tool that you have in its next version.',
  })
}

/** The slug that the tool has, else one made of both names; with a hash where that is too long or taken. */
async function slugFor(
  { store }: DeclaringDeps,
  account: Pick<Account, 'id' | 'slug'>,
  key: Pick<Tool, 'accountId' | 'name' | 'source'>,
): Promise<string> {
  const known = await toolNamed(store.db, key)
  if (known) return known.listingSlug
  const plain = `${account.slug}-${slugOfTool(key.name)}`
  const isFree = !(await store.db('listings').where({ slug: plain }).first('id'))
  if (plain.length <= MAX_SLUG && isFree) return plain
  const hash = createHash('sha256').update(`${account.id}|${key.source}|${key.name}`).digest('hex')
  return `${plain.slice(0, MAX_SLUG - 9).replace(/-+$/, '')}-${hash.slice(0, 8)}`
}

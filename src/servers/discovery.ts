/**
 * Discovery: a server is asked for its tools, and what it lists is sold. What it listed before stays
 * on sale while it cannot be asked; a call then says so and costs nothing.
 */
import type { Catalogue, ToolDefinition } from '#catalogue'
import type { Connections, ServerSettings } from '#connections'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import type { Store, Tx } from '#store'
import type { Discovery, RefusedTool } from './discovery-state.js'
import type { Server } from './server.js'
import { offerOf } from './server-schema.js'
import { isAt, readDiscovery, writeDiscovery } from './stored-servers.js'
import { hashOf, offeredOf, reofferedOf, type SoldTools, toolOf } from './tool-definitions.js'

export type DiscoveryDeps = {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'toolsOf' | 'putTools' | 'retire'>
  connections: Pick<Connections, 'listTools'>
  names: ToolNames
}

/** The names by which clients know the tools of an account; those discovered come last. */
export type ToolNames = {
  claim(
    tx: Tx,
    accountId: string,
    named: readonly { name: string; endpointId: string }[],
  ): Promise<void>
  release(tx: Tx, endpointIds: readonly string[]): Promise<void>
}

const SAYS_NONE = 'The server lists no tools. What it had stays on sale until it says so again.'

/** Another gateway, or another request, changed the server meanwhile: it will see to its tools. */
const SUPERSEDED = new Error('the server was changed meanwhile')

/**
 * Asks the server for its tools, and sells them for `sellerId`.
 *
 * @throws Problem `upstream_failed`, `upstream_timeout` or `invalid_request` when it cannot be asked;
 *   that is remembered, too.
 */
export async function discover(
  deps: DiscoveryDeps,
  sellerId: Id<'account'>,
  { server, settings }: { server: Server; settings: ServerSettings },
  signal: AbortSignal,
): Promise<void> {
  const { store, clock, connections } = deps
  const keep = (discovery: Discovery) => writeDiscovery(store.db, server.id, discovery, clock.now())
  const before = await readDiscovery(store.db, server.id)
  const listed = await connections.listTools(settings, signal).catch(async (error: unknown) => {
    if (error instanceof Problem) await keep({ ...before, error: error.message })
    throw error
  })
  const sold = await soldTools(deps, sellerId, server)
  if (listed.length === 0 && sold.size > 0 && !before.listed_none) {
    await keep({ ...before, error: SAYS_NONE, listed_none: true })
    return
  }
  const { tools, refused, isChanged } = offeredOf(server.terms, listed, sold, before)
  const found = { ...before, at: clock.now(), error: null, listed_none: listed.length === 0 }
  if (!isChanged && before.is_on_sale) {
    await keep({ ...found, refused })
    return
  }
  const put = await sell(deps, sellerId, server, before, tools)
  if (put) await keep({ ...found, ...put, refused: [...refused, ...put.refused] })
}

/** Sells what is known of a server's tools as its terms are now, without asking it. */
export async function resell(
  deps: DiscoveryDeps,
  sellerId: Id<'account'>,
  server: Server,
): Promise<void> {
  const { store, clock } = deps
  const before = await readDiscovery(store.db, server.id)
  if (before.at === null) return
  const sold = await soldTools(deps, sellerId, server)
  const tools = reofferedOf(server.terms, sold, before.applied)
  const put = await sell(deps, sellerId, server, before, tools)
  if (put) await writeDiscovery(store.db, server.id, { ...before, ...put }, clock.now())
}

/** Takes a server's tools off sale. */
export async function withdraw(
  deps: DiscoveryDeps,
  sellerId: Id<'account'>,
  server: Server,
  discovery: Discovery,
): Promise<void> {
  if (discovery.listing_id === null || !discovery.is_on_sale) return
  await deps.catalogue.retire(sellerId, discovery.listing_id)
  const { endpoints } = discovery
  await deps.store.inTransaction((tx) => deps.names.release(tx, Object.values(endpoints)))
  const off = { ...discovery, is_on_sale: false }
  await writeDiscovery(deps.store.db, server.id, off, deps.clock.now())
}

async function soldTools(
  { catalogue }: DiscoveryDeps,
  sellerId: Id<'account'>,
  { slug }: Server,
): Promise<SoldTools> {
  const tools = await catalogue.toolsOf(sellerId, slug)
  return new Map([...tools.values()].map((tool) => [toolOf(tool), tool]))
}

type Put = Pick<Discovery, 'endpoints' | 'listing_id' | 'is_on_sale' | 'applied' | 'refused'>

/** @returns `undefined` where the server is no longer what it was, and nothing was sold. */
async function sell(
  deps: DiscoveryDeps,
  sellerId: Id<'account'>,
  server: Server,
  before: Discovery,
  tools: readonly ToolDefinition[],
): Promise<Put | undefined> {
  const { slug, terms } = server
  const { price, requires_approval, ...offer } = offerOf(terms)
  const backend = { type: 'mcp' as const, server: terms.name }
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  try {
    const put = await deps.catalogue.putTools(
      { ...offer, sellerId, slug, title: terms.name, backend, tools, isComplete: true },
      async (tx, put) => {
        if (!(await isAt(tx, server))) throw SUPERSEDED
        await deps.names.release(tx, Object.values(before.endpoints))
        await deps.names.claim(tx, sellerId, put.tools)
      },
    )
    const endpoints = put.tools.map((it) => [toolOf(byName.get(it.name)!), it.endpointId])
    return {
      endpoints: Object.fromEntries(endpoints),
      listing_id: put.listingId,
      is_on_sale: true,
      applied: { price, requires_approval },
      refused: put.refused.map((it) => refusedTool(byName.get(it.name)!, it.reason)),
    }
  } catch (error) {
    if (error === SUPERSEDED) return undefined
    throw error
  }
}

function refusedTool(tool: ToolDefinition, reason: string): RefusedTool {
  const hash = hashOf(tool)
  return { name: toolOf(tool), reason, ...(hash !== undefined && { hash }) }
}

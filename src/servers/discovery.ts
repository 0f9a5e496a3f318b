/**
 * Discovery: a server is asked for its tools, and what it lists is sold. What it listed before stays
 * on sale while it cannot be asked; a call then says so and costs nothing.
 */
import type { Catalogue, ToolDefinition } from '#catalogue'
import type { Connections, ListedTool, ServerSettings } from '#connections'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { Problem } from '#core/problem'
import type { Store, Tx } from '#store'
import type { Discovery, RefusedTool } from './discovery-state.js'
import type { Server } from './server.js'
import { offerOf } from './server-schema.js'
import { isAt, noteDiscovery, readDiscovery, writeDiscovery } from './stored-servers.js'
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

const OUR_FAILURE = 'The gateway failed at this; its log says more.'
const SAYS_NONE = 'The server lists no tools. What it had stays on sale until it says so again.'

/** Another gateway, or another request, changed the server meanwhile: it will see to its tools. */
const SUPERSEDED = new Error('the server was changed meanwhile')

/** A server and how it is reached, and the account that its tools are sold for. */
type Subject = { server: Server; settings: ServerSettings; sellerId: Id<'account'> }

/**
 * Asks the server for its tools, and sells them.
 *
 * @throws Problem `upstream_failed`, `upstream_timeout` or `invalid_request` when it cannot be asked,
 *   `slug_taken` when a seller has the slug of its listing; that is remembered, too.
 */
export async function discover(
  deps: DiscoveryDeps,
  subject: Subject,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock } = deps
  const { server, settings } = subject
  try {
    await takeUp(deps, subject, await deps.connections.listTools(settings, signal))
  } catch (error) {
    const words = error instanceof Problem ? error.message : OUR_FAILURE
    if (!signal.aborted) await noteDiscovery(store, server, { error: words }, clock.now())
    throw error
  }
}

async function takeUp(
  deps: DiscoveryDeps,
  subject: Subject,
  listed: readonly ListedTool[],
): Promise<void> {
  const { store, clock } = deps
  const { server } = subject
  const now = clock.now()
  const before = await readDiscovery(store.db, server.id)
  const sold = await soldTools(deps, subject)
  if (listed.length === 0 && sold.size > 0 && !before.listed_none) {
    await noteDiscovery(store, server, { error: SAYS_NONE, listed_none: true }, now)
    return
  }
  const { tools, refused, isChanged } = offeredOf(server.terms, listed, sold, before)
  const found = { at: now, error: null, refused, listed_none: listed.length === 0 }
  if (isChanged || !before.is_on_sale) await sell(deps, subject, found, tools)
  else await noteDiscovery(store, server, found, now)
}

/** Sells what is known of a server's tools as its terms are now, without asking it. */
export async function resell(
  deps: DiscoveryDeps,
  subject: Omit<Subject, 'settings'>,
): Promise<void> {
  const { terms, id } = subject.server
  const before = await readDiscovery(deps.store.db, id)
  if (before.at === null) return
  const sold = await soldTools(deps, subject)
  await sell(deps, subject, {}, reofferedOf(terms, sold, before.applied))
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
  await noteDiscovery(deps.store, server, { is_on_sale: false }, deps.clock.now())
}

async function soldTools(
  { catalogue }: DiscoveryDeps,
  { sellerId, server }: Omit<Subject, 'settings'>,
): Promise<SoldTools> {
  const tools = await catalogue.toolsOf(sellerId, server.slug)
  return new Map([...tools.values()].map((tool) => [toolOf(tool), tool]))
}

/** Puts the tools on sale, and what is known of the server then beside them. */
async function sell(
  deps: DiscoveryDeps,
  { server, sellerId }: Omit<Subject, 'settings'>,
  found: Partial<Discovery>,
  tools: readonly ToolDefinition[],
): Promise<void> {
  const { slug, terms } = server
  const { price, requires_approval, ...offer } = offerOf(terms)
  const backend = { type: 'mcp' as const, server: terms.name }
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  const listing = { ...offer, sellerId, slug, title: terms.name, backend, tools, isComplete: true }
  try {
    await deps.catalogue.putTools(listing, async (tx, put) => {
      if (!(await isAt(tx, server))) throw SUPERSEDED
      const before = { ...(await readDiscovery(tx, server.id)), ...found }
      await deps.names.release(tx, Object.values(before.endpoints))
      await deps.names.claim(tx, sellerId, put.tools)
      const endpoints = put.tools.map((it) => [toolOf(byName.get(it.name)!), it.endpointId])
      const unsold = put.refused.map((it) => refusedTool(byName.get(it.name)!, it.reason))
      const known: Discovery = {
        ...before,
        endpoints: Object.fromEntries(endpoints),
        listing_id: put.listingId,
        is_on_sale: true,
        applied: { price, requires_approval },
        refused: [...before.refused, ...unsold],
      }
      await writeDiscovery(tx, server.id, known, deps.clock.now())
    })
  } catch (error) {
    if (error !== SUPERSEDED) throw error
  }
}

function refusedTool(tool: ToolDefinition, reason: string): RefusedTool {
  const hash = hashOf(tool)
  return { name: toolOf(tool), reason, ...(hash !== undefined && { hash }) }
}

/** The operator's side: servers as they are registered, looked at, changed and tried. */
import type { Along } from '#accounts'
import type { Catalogue } from '#catalogue'
import type { Connections, ServerTest } from '#connections'
import { toRfc3339 } from '#core/clock'
import { Problem } from '#core/problem'
import {
  type AdministrationDeps,
  createServer,
  refuseElsewhere,
  removeServer,
  updateServer,
} from './administration.js'
import { resell, withdraw } from './discovery.js'
import type { Entry } from './roster.js'
import type { Running } from './running.js'
import { showServer } from './server.js'
import type { ServerChange, ServerTerms } from './server-schema.js'
import { readDiscovery } from './stored-servers.js'

export type OperatingDeps = AdministrationDeps & {
  catalogue: Pick<Catalogue, 'toolsNow'>
  connections: Pick<Connections, 'test' | 'state'>
}

export function createOperating(deps: OperatingDeps, running: Running) {
  const { roster } = running
  const { db } = deps.store
  const show = (entry: Entry) => showEntry(deps, running, entry)

  async function find(id: string): Promise<Entry> {
    await roster.follow()
    return found(running, id)
  }

  return {
    /** @throws Problem `slug_taken`, `forbidden` for stdio, `invalid_request`. */
    async create(terms: ServerTerms, along: Along) {
      const { id } = await createServer(deps, terms, along)
      await roster.follow()
      await running.discoverPatiently(id)
      return show(found(running, id))
    },
    /** All servers, oldest first. */
    async list() {
      await roster.follow()
      const entries = roster.all().sort((a, b) => (a.server.id < b.server.id ? -1 : 1))
      return Promise.all(entries.map(show))
    },
    /** @throws Problem `not_found`; so do all that take an id. */
    get: async (id: string) => show(await find(id)),
    /** @throws Problem `forbidden` for a server of file or code, `invalid_request`. */
    async update(id: string, change: ServerChange, along: Along) {
      await updateServer(deps, await find(id), change, along)
      await roster.follow()
      const { server, off } = found(running, id)
      if (off === undefined) {
        // At once, whatever the server says then: how its tools are sold is not its affair.
        await resell(deps, { server, sellerId: running.sellerId() })
        await running.discoverPatiently(id)
      } else await withdraw(deps, running.sellerId(), server, await readDiscovery(db, id))
      return show(found(running, id))
    },
    /** @throws Problem `forbidden` for a server of file or code. */
    async remove(id: string, along: Along): Promise<void> {
      const entry = await find(id)
      refuseElsewhere(entry.server)
      // Off sale before it is gone, so that a crash in between leaves nothing on sale.
      await withdraw(deps, running.sellerId(), entry.server, await readDiscovery(db, id))
      const discovery = await removeServer(deps, entry, along)
      await roster.follow()
      await running.giveUp(entry.server, discovery)
    },
    /** Tries a server on a connection of its own. */
    async test(id: string): Promise<ServerTest> {
      const { settings, off } = await find(id)
      if (settings.transport === 'stdio' && off !== undefined) {
        return { success: false, tool_count: 0, tools: [], error: off, error_code: 'config_error' }
      }
      return deps.connections.test(settings)
    },
    /** Connects anew and asks for the tools. @throws Problem of the server that fails. */
    async refresh(id: string) {
      const { off } = await find(id)
      if (off !== undefined) {
        throw new Problem('invalid_request', `The server is not in use. ${off}`)
      }
      await running.reconnect(id)
      await running.discover(id)
      return show(found(running, id))
    },
    /** What is sold of a server, and what of it cannot be. */
    tools: async (id: string) => showTools(deps, await find(id)),
  }
}

function found({ roster }: Running, id: string): Entry {
  const entry = roster.get(id)
  if (entry) return entry
  throw new Problem('not_found', 'There is no such MCP server.', {
    action: 'List them with GET /v1/admin/mcp-servers.',
  })
}

async function showEntry(deps: OperatingDeps, { roster }: Running, { server, off }: Entry) {
  return showServer(server, {
    state: deps.connections.state(server.id),
    off,
    hasTokenProvider: roster.hasProvider(server),
    discovery: await readDiscovery(deps.store.db, server.id),
  })
}

async function showTools({ store, catalogue }: OperatingDeps, { server }: Entry) {
  const { endpoints, refused, at, error } = await readDiscovery(store.db, server.id)
  const now = await catalogue.toolsNow(Object.values(endpoints))
  const tools = Object.entries(endpoints).flatMap(([name, endpointId]) => {
    const tool = now.get(endpointId)
    if (!tool) return []
    const { definition, version } = tool
    const { title, description, price, requires_approval, annotations, backend } = definition
    const definition_hash = backend.type === 'mcp' ? backend.definition_hash : null
    const names = { name, tool_name: definition.name, endpoint_id: endpointId, version }
    const terms = { title, description, price, requires_approval, definition_hash }
    return [{ ...names, ...terms, ...(annotations && { annotations }) }]
  })
  return {
    tools,
    refused: refused.map(({ name, reason }) => ({ name, reason })),
    discovered_at: at === null ? null : toRfc3339(at),
    error,
  }
}

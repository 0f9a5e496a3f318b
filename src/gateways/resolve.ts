/** From a gateway's configuration to its tools: what each is called, and which endpoint it is. */
import { createHash } from 'node:crypto'
import type { Principal } from '#accounts'
import type { Catalogue } from '#catalogue'
import { Problem } from '#core/problem'
import {
  type ComposedTool,
  type Configuration,
  DEFAULT_ENDPOINT,
  type Gateway,
  type GatewayTool,
  MAX_NAME,
  MAX_TOOLS,
} from './gateway.js'

/** Tools that accounts have by name: in code, from a file, declared, discovered. */
export type ToolSources = {
  /** Those of an account, each name once: where names collide, the higher source has it. */
  namedTools(accountId: string): Promise<{ name: string; endpointId: string }[]>
  /** Another number whenever any account's names changed. */
  edition(): number
}

type Deps = {
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints' | 'toolsNow'>
  tools: ToolSources
}

const ALL = '.*'

/** By name, in the order in which they are listed. */
export async function resolveTools(
  deps: Deps,
  { accountId, endpoint, configuration }: Gateway,
): Promise<Map<string, GatewayTool>> {
  const { tools, servers = [], relay } = configuration
  if (relay !== undefined) return toolsOfServer(deps, relay)
  const named = createNames()
  const isOwn = tools === undefined && servers.length === 0
  if (isOwn) {
    named.addAll(await deps.tools.namedTools(accountId))
    if (endpoint !== DEFAULT_ENDPOINT) {
      named.addAll(await deps.catalogue.activeEndpoints({ seller: accountId }))
    }
  }
  for (const tool of tools ?? []) {
    const listing = listingOf(tool)
    if (listing === undefined) named.add(asTool(tool))
    else named.addAll(await deps.catalogue.activeEndpoints({ listing }))
  }
  for (const server of servers) named.addAll(await deps.catalogue.activeEndpoints({ server }))
  return named.tools
}

/** Those of a server that is relayed whole, by the names that it gives them itself. */
async function toolsOfServer(
  { catalogue }: Deps,
  server: string,
): Promise<Map<string, GatewayTool>> {
  const active = await catalogue.activeEndpoints({ server })
  const definitions = await catalogue.toolsNow(active.map(({ endpointId }) => endpointId))
  const tools = new Map<string, GatewayTool>()
  for (const [endpointId, { definition }] of definitions) {
    const { backend } = definition
    if (backend.type === 'mcp') tools.set(backend.tool, { name: backend.tool, endpointId })
  }
  return tools
}

/**
 * Refuses a configuration that names what its account cannot see, and names that are there twice.
 *
 * @throws Problem `endpoint_not_found`, `invalid_request`, `forbidden`.
 */
export async function checkConfiguration(
  { catalogue }: { catalogue: Pick<Catalogue, 'find' | 'activeEndpoints'> },
  principal: Principal,
  { tools = [], servers = [], relay }: Configuration,
): Promise<void> {
  const names = new Set<string>()
  for (const tool of tools) {
    if (typeof tool !== 'string' && tool.name !== undefined) {
      if (names.has(tool.name)) {
        throw new Problem('invalid_request', `The tool name "${tool.name}" is there twice.`)
      }
      names.add(tool.name)
    }
    await requireVisible(catalogue, principal, tool)
  }
  for (const server of servers) {
    await requireAny(catalogue, principal, { server }, `There is no MCP server "${server}".`)
  }
  if (relay === undefined) return
  if (principal.account.kind !== 'operator') {
    throw new Problem('forbidden', 'Only the operator may relay a whole MCP server.', {
      action: 'Name the server in servers: all its tools are offered then.',
    })
  }
  if (tools.length > 0 || servers.length > 0) {
    throw new Problem('invalid_request', 'relay stands alone: tools and servers must be absent.')
  }
}

async function requireVisible(
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints'>,
  principal: Principal,
  tool: ComposedTool,
): Promise<void> {
  const listing = listingOf(tool)
  if (listing !== undefined) {
    await requireAny(catalogue, principal, { listing }, `There is no listing "${listing}".`)
    return
  }
  const { endpointId, version } = asTool(tool)
  if (await catalogue.find(endpointId, version, principal)) return
  const at = version === undefined ? '' : ` version ${version}`
  throw new Problem('endpoint_not_found', `There is no endpoint "${endpointId}"${at}.`)
}

async function requireAny(
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints'>,
  principal: Principal,
  of: { listing: string } | { server: string },
  message: string,
): Promise<void> {
  const [first] = await catalogue.activeEndpoints(of)
  if (first && (await catalogue.find(first.endpointId, undefined, principal))) return
  throw new Problem('endpoint_not_found', message)
}

function listingOf(tool: ComposedTool): string | undefined {
  return typeof tool === 'string' && tool.endsWith(ALL) ? tool.slice(0, -ALL.length) : undefined
}

type Wanted = { endpointId: string; name?: string | undefined; version?: number | undefined }

function asTool(tool: ComposedTool): Wanted {
  if (typeof tool === 'string') return { endpointId: tool }
  return { endpointId: tool.endpoint_id, name: tool.name, version: tool.version }
}

/** Gives each tool a name of its own: the first has the plain one, the next says its listing, too. */
function createNames() {
  const tools = new Map<string, GatewayTool>()

  function add({ endpointId, name, version }: Wanted): void {
    if (tools.size >= MAX_TOOLS) return
    const dot = endpointId.indexOf('.')
    const plain = name ?? endpointId.slice(dot + 1)
    const candidates = [plain, `${endpointId.slice(0, dot)}__${plain}`].map(fitting)
    const free = candidates.find((candidate) => !tools.has(candidate)) ?? hashed(plain, endpointId)
    tools.set(free, { name: free, endpointId, ...(version !== undefined && { version }) })
  }

  return {
    tools,
    add,
    /** Of many at once those that are not there yet, under whatever name. */
    addAll(wanted: readonly Wanted[]) {
      const known = new Set([...tools.values()].map(({ endpointId }) => endpointId))
      for (const tool of wanted) if (!known.has(tool.endpointId)) add(tool)
    },
  }
}

/** A name that every client takes; one that says less than the whole ends in a hash of it. */
function fitting(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_-]/g, '_')
  return plain === name && name.length <= MAX_NAME ? name : hashed(plain, name)
}

function hashed(name: string, whole: string): string {
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8)
  return `${name.slice(0, MAX_NAME - 9)}_${hash}`
}

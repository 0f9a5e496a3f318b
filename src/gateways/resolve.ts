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
  catalogue: Pick<Catalogue, 'activeEndpoints' | 'toolsNow'>
  tools: ToolSources
}

export type CheckDeps = {
  catalogue: Pick<Catalogue, 'visibleNames'>
  /** Whether an MCP server of this name is in use. */
  isServer(name: string): boolean
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
  const whole = new Set<string>()
  for (const tool of tools ?? []) {
    const listing = listingOf(tool)
    if (listing === undefined) named.add(asTool(tool))
    else if (!whole.has(listing)) {
      whole.add(listing)
      named.addAll(await deps.catalogue.activeEndpoints({ listing }))
    }
  }
  for (const server of new Set(servers)) {
    named.addAll(await deps.catalogue.activeEndpoints({ server }))
  }
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
 * @throws Problem `endpoint_not_found`, `not_found`, `invalid_request`, `forbidden`.
 */
export async function checkConfiguration(
  deps: CheckDeps,
  principal: Principal,
  { tools = [], servers = [], relay }: Configuration,
): Promise<void> {
  refuseTwice(tools.flatMap((tool) => asTool(tool).name ?? []))
  const wanted = tools.filter((tool) => listingOf(tool) === undefined).map(asTool)
  const listings = tools.flatMap((tool) => listingOf(tool) ?? [])
  const endpoints = wanted.map(({ endpointId }) => endpointId)
  const visible = await deps.catalogue.visibleNames(principal, { endpoints, listings, servers })
  for (const { endpointId, version } of wanted) {
    if ((visible.endpoints.get(endpointId) ?? 0) >= (version ?? 1)) continue
    const at = version === undefined ? '' : ` version ${version}`
    throw unknown(`endpoint "${endpointId}"${at}`)
  }
  for (const listing of listings) {
    if (!visible.listings.has(listing)) throw unknown(`listing "${listing}"`)
  }
  for (const server of servers) {
    if (!visible.servers.has(server)) throw unknown(`MCP server "${server}"`)
  }
  if (relay !== undefined) checkRelay(deps, principal, relay, tools.length + servers.length)
}

function refuseTwice(names: readonly string[]): void {
  const known = new Set<string>()
  for (const name of names) {
    if (known.has(name)) {
      throw new Problem('invalid_request', `The tool name "${name}" is there twice.`)
    }
    known.add(name)
  }
}

function unknown(what: string): Problem {
  return new Problem('endpoint_not_found', `There is no ${what}.`)
}

/** One that sells nothing, or nothing yet, may be relayed all the same. */
function checkRelay(
  { isServer }: CheckDeps,
  { account }: Principal,
  relay: string,
  others: number,
): void {
  if (account.kind !== 'operator') {
    throw new Problem('forbidden', 'Only the operator may relay a whole MCP server.', {
      action: 'Name the server in servers: all its tools are offered then.',
    })
  }
  if (others > 0) {
    throw new Problem('invalid_request', 'relay stands alone: tools and servers must be absent.')
  }
  if (isServer(relay)) return
  throw new Problem('not_found', `There is no MCP server "${relay}" in use.`, {
    action: 'List them with GET /v1/admin/mcp-servers.',
  })
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

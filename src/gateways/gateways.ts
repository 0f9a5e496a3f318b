/**
 * Gateways: endpoints that an account composes into native MCP tools, at an address of its own. What
 * a client sees in the list is exactly what it can call: both ask the same resolver.
 */
import { type Account, listsEdition, type Principal } from '#accounts'
import { type Catalogue, isForSale, type Offer } from '#catalogue'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { currentRevision, type Store } from '#store'
import { createComposing, GATEWAYS } from './composing.js'
import { DEFAULT_ENDPOINT, type Gateway, type GatewayTool } from './gateway.js'
import { gatewayRows, toGateway } from './gateway-rows.js'
import { type CheckDeps, resolveTools, type ToolSources } from './resolve.js'

export {
  configurationSchema,
  type Gateway,
  gatewayPatchSchema,
  gatewaySchema,
} from './gateway.js'

/** Gateways and tools that are remembered; at more, all is let go and read anew. */
const MAX_KEPT = 200_000

type Deps = CheckDeps & {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints' | 'toolsNow' | 'edition'>
  tools: ToolSources
}

/** A tool that can be bought now by the one who asks. */
export type OfferedTool = GatewayTool & { offer: Offer }

export type OpenGateway = {
  gateway: Gateway
  /** Another text whenever what the principal may buy here may have changed. */
  edition(principal: Principal): Promise<string>
  /** What the principal may buy here now, in a fixed order. */
  tools(principal: Principal): Promise<OfferedTool[]>
  /** The tool by its name, or by `name@version`; `undefined` where `tools` would not list it. */
  find(principal: Principal, name: string): Promise<OfferedTool | undefined>
}

export type Gateways = ReturnType<typeof createGateways>

export function createGateways(deps: Deps) {
  let known = nothing<Gateway | undefined>()
  let resolved = nothing<{ edition: string; tools: Map<string, GatewayTool> }>()
  let seen: number | undefined

  return {
    ...createComposing(deps, forget),
    /**
     * The gateway at `/mcp/{accountSlug}/{endpoint}`, for its account and those below it; nothing
     * for everybody else.
     */
    async open(
      principal: Principal,
      accountSlug: string,
      endpoint: string,
    ): Promise<OpenGateway | undefined> {
      const owner = ownerAmong(principal, accountSlug)
      const gateway = owner && (await find(owner, endpoint))
      return gateway && openGateway(owner, gateway)
    },
    /** To be called every second: learns whether another gateway of this database changed any. */
    async follow(): Promise<void> {
      const revision = await currentRevision(deps.store.db, GATEWAYS)
      if (revision !== seen) forget()
      seen = revision
    },
  }

  /** It is looked up anew each time: who listens to it for long sees it change, and go. */
  function openGateway(owner: Owner, gateway: Gateway): OpenGateway {
    const { endpoint } = gateway
    return {
      gateway,
      edition: async (principal) =>
        `${editionOf(deps, await find(owner, endpoint))}/${listsEdition(principal)}`,
      async tools(principal) {
        const tools = [...(await toolsAt(owner, endpoint)).values()]
        const all = await Promise.all(tools.map((tool) => offered(deps, principal, tool)))
        return all.filter((tool) => tool !== undefined)
      },
      async find(principal, name) {
        const tools = await toolsAt(owner, endpoint)
        // A server that is relayed names its tools as it likes.
        const whole = tools.get(name)
        if (whole) return offered(deps, principal, whole)
        const [, plain = '', version] = /^([^@]*)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
        const tool = tools.get(plain)
        const wanted = tool && version !== undefined ? { ...tool, version: +version } : tool
        return wanted && offered(deps, principal, wanted)
      },
    }
  }

  async function toolsAt(owner: Owner, endpoint: string): Promise<Map<string, GatewayTool>> {
    const gateway = await find(owner, endpoint)
    if (!gateway) return new Map()
    const edition = editionOf(deps, gateway)
    const kept = resolved.values.get(gateway.id)
    if (kept?.edition === edition) return kept.tools
    const tools = await resolveTools(deps, gateway)
    keep(resolved, gateway.id, { edition, tools }, tools.size)
    return tools
  }

  async function find(owner: Owner, endpoint: string): Promise<Gateway | undefined> {
    const name = `${owner.id}/${endpoint}`
    if (known.values.has(name)) return known.values.get(name)
    // What is read before a change is kept with what was known before it.
    const before = known
    const row = await gatewayRows(deps.store.db)
      .where({ 'gateways.account_id': owner.id, 'gateways.endpoint': endpoint })
      .first()
    const gateway = row ? toGateway(row) : defaultGateway(owner, endpoint)
    keep(before, name, gateway, gateway?.configuration.tools?.length)
    return gateway
  }

  function forget(): void {
    known = nothing()
    resolved = nothing()
  }
}

async function offered(
  { catalogue }: Deps,
  principal: Principal,
  tool: GatewayTool,
): Promise<OfferedTool | undefined> {
  const offer = await catalogue.find(tool.endpointId, tool.version, principal)
  return offer && isForSale(offer) ? { ...tool, offer } : undefined
}

function editionOf({ catalogue, tools }: Deps, gateway: Gateway | undefined): string {
  return `${gateway?.updatedAtMs}/${catalogue.edition()}/${tools.edition()}`
}

type Owner = Pick<Account, 'id' | 'slug'>

/** The account with this slug, if the principal acts for it or for an account below it. */
function ownerAmong({ account, parent }: Principal, slug: string): Owner | undefined {
  return [account, parent].find((candidate) => candidate?.slug === slug)
}

/** It needs no row: each account has it, and may put one of its own in its place. */
function defaultGateway(owner: Owner, endpoint: string): Gateway | undefined {
  if (endpoint !== DEFAULT_ENDPOINT) return undefined
  return {
    id: `gw_${owner.id}` as Id<'gateway'>,
    accountId: owner.id,
    accountSlug: owner.slug,
    name: 'Tools',
    endpoint,
    configuration: {},
    createdAtMs: 0,
    updatedAtMs: 0,
  }
}

type Kept<T> = { values: Map<string, T>; weight: number }

function nothing<T>(): Kept<T> {
  return { values: new Map(), weight: 0 }
}

function keep<T>(kept: Kept<T>, name: string, value: T, tools = 0): void {
  if (kept.weight + tools >= MAX_KEPT) Object.assign(kept, nothing())
  kept.values.set(name, value)
  kept.weight += tools + 1
}

/**
 * Gateways: endpoints that an account composes into native MCP tools, at an address of its own. What
 * a client sees in the list is exactly what it can call: both ask the same resolver.
 */
import type { Account, Principal } from '#accounts'
import { type Catalogue, isForSale, type Offer } from '#catalogue'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import { currentRevision, type Store } from '#store'
import { createComposing, GATEWAYS } from './composing.js'
import { DEFAULT_ENDPOINT, type Gateway, type GatewayTool } from './gateway.js'
import { gatewayRows, toGateway } from './gateway-rows.js'
import { resolveTools, type ToolSources } from './resolve.js'

export {
  configurationSchema,
  type Gateway,
  gatewayPatchSchema,
  gatewaySchema,
} from './gateway.js'

/** Gateways that are remembered, with what they resolve to. */
const MAX_KNOWN = 5_000

type Deps = {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints' | 'toolsNow' | 'edition'>
  tools: ToolSources
}

/** A tool that can be bought now by the one who asks. */
export type OfferedTool = GatewayTool & { offer: Offer }

export type OpenGateway = {
  gateway: Gateway
  /** Another text whenever what may be bought here has changed for anybody. */
  edition(): Promise<string>
  /** What the principal may buy here now, in a fixed order. */
  tools(principal: Principal): Promise<OfferedTool[]>
  /** The tool by its name, or by `name@version`; `undefined` where `tools` would not list it. */
  find(principal: Principal, name: string): Promise<OfferedTool | undefined>
}

export type Gateways = ReturnType<typeof createGateways>

export function createGateways(deps: Deps) {
  const known = new Map<string, Gateway | undefined>()
  const resolved = new Map<string, { edition: string; tools: Map<string, GatewayTool> }>()
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
      edition: async () => editionOf(deps, await find(owner, endpoint)),
      async tools(principal) {
        const tools = [...(await toolsAt(owner, endpoint)).values()]
        const all = await Promise.all(tools.map((tool) => offered(principal, tool)))
        return all.filter((tool) => tool !== undefined)
      },
      async find(principal, name) {
        const tools = await toolsAt(owner, endpoint)
        // A server that is relayed names its tools as it likes.
        const whole = tools.get(name)
        if (whole) return offered(principal, whole)
        const [, plain, version] = /^([^@]*)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
        const tool = tools.get(plain ?? '')
        if (!tool) return undefined
        return offered(principal, version === undefined ? tool : { ...tool, version: +version })
      },
    }
  }

  async function offered(principal: Principal, tool: GatewayTool) {
    const offer = await deps.catalogue.find(tool.endpointId, tool.version, principal)
    return offer && isForSale(offer) ? { ...tool, offer } : undefined
  }

  async function toolsAt(owner: Owner, endpoint: string): Promise<Map<string, GatewayTool>> {
    const gateway = await find(owner, endpoint)
    if (!gateway) return new Map()
    const edition = editionOf(deps, gateway)
    const kept = resolved.get(gateway.id)
    if (kept?.edition === edition) return kept.tools
    const tools = await resolveTools(deps, gateway)
    keep(resolved, gateway.id, { edition, tools })
    return tools
  }

  async function find(owner: Owner, endpoint: string): Promise<Gateway | undefined> {
    const name = `${owner.id}/${endpoint}`
    if (known.has(name)) return known.get(name)
    const row = await gatewayRows(deps.store.db)
      .where({ 'gateways.account_id': owner.id, 'gateways.endpoint': endpoint })
      .first()
    const gateway = row ? toGateway(row) : defaultGateway(owner, endpoint)
    keep(known, name, gateway)
    return gateway
  }

  function forget(): void {
    known.clear()
    resolved.clear()
  }
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

function keep<T>(kept: Map<string, T>, name: string, value: T): void {
  if (kept.size >= MAX_KNOWN) kept.clear()
  kept.set(name, value)
}

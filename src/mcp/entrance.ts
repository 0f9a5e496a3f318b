/** Where a request goes, who asks, and what is met there. */
import type { IncomingMessage } from 'node:http'
import type { Accounts, Principal } from '#accounts'
import { Problem } from '#core/problem'
import type { Gateways } from '#gateways'
import type { OAuth } from '#oauth'
import { type Address, addressOf, pathOf } from './address.js'
import { gatewaySurface } from './gateway-surface.js'
import type { Visitor } from './guests.js'
import { createMarketplace } from './marketplace.js'
import { noGateway, type RelayedGateway, requireServer } from './relay/relayed-request.js'
import type { Surface } from './surface.js'
import type { ToolDeps } from './tools/tool.js'

export type EntranceDeps = ToolDeps & {
  accounts: Pick<Accounts, 'authenticate'>
  oauth: Pick<OAuth, 'audienceOf'>
  gateways: Pick<Gateways, 'open'>
  /** Whether looking needs no key. */
  publicBrowse: boolean
}

export type Entered = Visitor & {
  address: Address
  surface: Surface
  /** Set where a gateway is one MCP server, whole. */
  relayed?: RelayedGateway | undefined
}

export type Entrance = {
  /** @throws Problem `unauthenticated`, `not_found`, `gateway_not_found`. */
  enter(req: IncomingMessage): Promise<Entered>
}

export function createEntrance(deps: EntranceDeps): Entrance {
  const marketplace = createMarketplace(deps)
  return { enter }

  async function enter(req: IncomingMessage): Promise<Entered> {
    const address = addressOf(req.url ?? '')
    if (!address) throw new Problem('not_found', 'There is nothing at this address.')
    const look = () => authenticate(req, address)
    const principal = await look()
    const { surface, relayed } = await placeAt(address, principal)
    return { address, principal, look, surface, relayed }
  }

  /** Who sent a request: the holder of a key, or of an access token for this address. */
  async function authenticate(
    req: IncomingMessage,
    address: Address,
  ): Promise<Principal | undefined> {
    const header = req.headers.authorization
    if (header === undefined && deps.publicBrowse) return undefined
    const secret = /^bearer +(\S+)$/i.exec(header ?? '')?.[1]
    return deps.accounts.authenticate(secret, { audience: deps.oauth.audienceOf(pathOf(address)) })
  }

  async function placeAt(
    { gateway }: Address,
    principal: Principal | undefined,
  ): Promise<Pick<Entered, 'surface' | 'relayed'>> {
    if (!gateway) return { surface: marketplace }
    if (!principal) throw new Problem('unauthenticated', 'A gateway needs an API key.')
    const open = await deps.gateways.open(principal, gateway.account, gateway.endpoint)
    if (!open) throw noGateway()
    const surface = gatewaySurface(deps, open)
    const { relay: server } = open.gateway.configuration
    if (server === undefined) return { surface }
    const relayed = { open, server, surface }
    requireServer(principal, relayed)
    return { surface, relayed }
  }
}

/** Where a request goes, who asks, and what is met there. */
import type { IncomingMessage } from 'node:http'
import type { Principal } from '#accounts'
import { Problem } from '#core/problem'
import type { Gateways } from '#gateways'
import { type Address, addressOf } from './address.js'
import { gatewaySurface } from './gateway-surface.js'
import { createMarketplace } from './marketplace.js'
import type { Surface } from './surface.js'
import type { ToolDeps } from './tools/tool.js'

export type EntranceDeps = ToolDeps & {
  accounts: { authenticate(secret: string | undefined): Promise<Principal> }
  gateways: Pick<Gateways, 'open'>
  /** Whether looking needs no key. */
  publicBrowse: boolean
}

export type Entered = { address: Address; principal: Principal | undefined; surface: Surface }

export type Entrance = {
  /** @throws Problem `unauthenticated`, `not_found`, `gateway_not_found`. */
  enter(req: IncomingMessage): Promise<Entered>
  /** @throws Problem `unauthenticated` where a key is needed, or one was sent that is none. */
  authenticate(req: IncomingMessage): Promise<Principal | undefined>
}

export function createEntrance(deps: EntranceDeps): Entrance {
  const marketplace = createMarketplace(deps)
  return { enter, authenticate }

  async function enter(req: IncomingMessage): Promise<Entered> {
    const address = addressOf(req.url ?? '')
    if (!address) throw new Problem('not_found', 'There is nothing at this address.')
    const principal = await authenticate(req)
    return { address, principal, surface: await surfaceAt(address, principal) }
  }

  async function authenticate(req: IncomingMessage): Promise<Principal | undefined> {
    const header = req.headers.authorization
    if (header === undefined && deps.publicBrowse) return undefined
    return deps.accounts.authenticate(/^bearer +(\S+)$/i.exec(header ?? '')?.[1])
  }

  async function surfaceAt(
    { gateway }: Address,
    principal: Principal | undefined,
  ): Promise<Surface> {
    if (!gateway) return marketplace
    if (!principal) throw new Problem('unauthenticated', 'A gateway needs an API key.')
    const open = await deps.gateways.open(principal, gateway.account, gateway.endpoint)
    if (!open) throw new Problem('gateway_not_found', 'There is no such gateway.')
    return gatewaySurface(deps, open, principal)
  }
}

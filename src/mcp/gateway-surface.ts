/** The tools of a gateway: each endpoint a native tool, each call a paid one. */
import { createHash } from 'node:crypto'
import type { Principal } from '#accounts'
import type { OpenGateway } from '#gateways'
import type { Guest } from './guests.js'
import { callNative } from './native-call.js'
import { nativeResult } from './native-result.js'
import { toolText } from './native-tool.js'
import type { Surface } from './surface.js'
import { requireKey } from './tools/require-key.js'
import type { ToolDeps } from './tools/tool.js'

/** Clients ask again after this at the latest; those that listen are told before. */
const LIST_LIFE_MS = 60_000
/** How often a list that somebody listens to is looked at. */
const WATCH_INTERVAL_MS = 1_000
const VERSION = '0.1.0'

/** Who asks is told by each request: in a conversation that lasts, what a key may do changes. */
export function gatewaySurface(deps: ToolDeps, open: OpenGateway): Surface {
  const { gateway } = open
  const title = gateway.name
  return {
    id: gateway.id,
    identity: { name: `souk-${gateway.accountSlug}-${gateway.endpoint}`, title, version: VERSION },
    cache: { ttlMs: LIST_LIFE_MS, cacheScope: 'private' },
    scopeOf: () => 'call',
    list: async (caller) => listText(open, requireKey(caller)),
    call: (caller, params) =>
      callNative(deps, open, { caller, params }, (offer, outcome) =>
        nativeResult(offer, outcome, deps.publicUrl),
      ),
    watch: (guest, onChange) => watchList(open, guest, onChange, deps.telemetry.failed),
  }
}

async function listText(open: OpenGateway, principal: Principal): Promise<string> {
  return `[${(await open.tools(principal)).map(toolText).join(',')}]`
}

/** In place of a list, which may be large, for each who listens. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

function watchList(
  open: OpenGateway,
  guest: Guest,
  onChange: () => void,
  failed: (error: unknown) => void,
): () => void {
  let known: string | undefined
  let seen: string | undefined
  const look = async () => {
    const { principal } = guest
    const edition = await open.edition(principal)
    if (edition === seen) return
    const now = hashOf(await listText(open, principal))
    if (known !== undefined && known !== now) onChange()
    known = now
    seen = edition
  }
  const lookSafely = () => void look().catch(failed)
  lookSafely()
  const timer = setInterval(lookSafely, WATCH_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

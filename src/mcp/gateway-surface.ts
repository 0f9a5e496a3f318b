/** The tools of a gateway: each endpoint a native tool, each call a paid one. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Principal } from '#accounts'
import { call } from '#calls'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import type { OpenGateway } from '#gateways'
import { InputNeeded } from './input-needed.js'
import { nativeResult, refused } from './native-result.js'
import { toolText } from './native-tool.js'
import type { Caller, CallParams, CallResult, Surface } from './surface.js'
import type { ToolDeps } from './tools/tool.js'

/** Clients ask again after this at the latest; those that listen are told before. */
const LIST_LIFE_MS = 60_000
/** How often a list that somebody listens to is looked at. */
const WATCH_INTERVAL_MS = 1_000
const VERSION = '0.1.0'

/** What a client may say of one call, in the `_meta` of its request. */
const OPTIONS = {
  idempotencyKey: 'souk/idempotency_key',
  maxPrice: 'souk/max_price',
  quoteId: 'souk/quote_id',
} as const

export function gatewaySurface(deps: ToolDeps, open: OpenGateway, principal: Principal): Surface {
  const { gateway } = open
  const title = gateway.name
  return {
    id: gateway.id,
    identity: { name: `souk-${gateway.accountSlug}-${gateway.endpoint}`, title, version: VERSION },
    cache: { ttlMs: LIST_LIFE_MS, cacheScope: 'private' },
    scopeOf: () => 'call',
    list: () => listText(open, principal),
    call: (caller, params) => callTool(deps, open, { ...caller, principal }, params),
    watch: (watcher, onChange) => watchList(open, watcher, onChange, deps.telemetry.failed),
  }
}

async function listText(open: OpenGateway, principal: Principal): Promise<string> {
  return `[${(await open.tools(principal)).map(toolText).join(',')}]`
}

async function callTool(
  deps: ToolDeps,
  open: OpenGateway,
  caller: Caller & { principal: Principal },
  { name, arguments: args = {}, _meta = {} }: CallParams,
): Promise<CallResult> {
  const tool = await open.find(caller.principal, name)
  if (!tool) {
    const message = `Unknown tool: ${name.slice(0, 128)}`
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, message)
  }
  try {
    const outcome = await call(deps, {
      principal: caller.principal,
      endpointId: tool.endpointId,
      version: tool.version,
      arguments: args,
      idempotencyKey: optionIn(_meta, OPTIONS.idempotencyKey),
      maxPrice: optionIn(_meta, OPTIONS.maxPrice),
      quoteId: optionIn(_meta, OPTIONS.quoteId),
      tag: caller.tag,
      trace: caller.trace,
      isGone: caller.isGone,
      signal: caller.signal,
      onProgress: caller.onProgress,
      ask: caller.ask,
    })
    return nativeResult(tool.offer, outcome, deps.publicUrl)
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof InputNeeded) throw error
    const refusal = refusalIn(error)
    if (refusal) {
      deps.telemetry.refused(refusal.code, 'mcp')
      return refused(tool.offer, refusal)
    }
    const trace_id = deps.telemetry.failed(error)
    const problem = new Problem('internal_error', 'The gateway failed.', { facts: { trace_id } })
    return refused(tool.offer, problem)
  }
}

/** @throws Problem `invalid_request` for an option that is no text. */
function optionIn(meta: Record<string, unknown>, name: string): string | undefined {
  const value = meta[name]
  if (value === undefined || (typeof value === 'string' && value.length <= 255)) return value
  throw new Problem('invalid_request', `_meta["${name}"] must be a text.`)
}

function watchList(
  open: OpenGateway,
  principal: Principal,
  onChange: () => void,
  failed: (error: unknown) => void,
): () => void {
  let known: string | undefined
  const look = async () => {
    const now = await listText(open, principal)
    if (known !== undefined && known !== now) onChange()
    known = now
  }
  const lookSafely = () => void look().catch(failed)
  lookSafely()
  const timer = setInterval(lookSafely, WATCH_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** One call of a gateway's tool: a paid call, and what its client is told of it. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { call, type Order, type Outcome } from '#calls'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import type { OfferedTool, OpenGateway } from '#gateways'
import { orderOf } from './caller.js'
import { InputNeeded } from './input-needed.js'
import { refused } from './native-result.js'
import type { Caller, CallParams, CallResult } from './surface.js'
import { requireKey } from './tools/require-key.js'
import type { ToolDeps } from './tools/tool.js'

/** What a client may say of one call, in the `_meta` of its request. */
const OPTIONS = {
  idempotencyKey: 'souk/idempotency_key',
  maxPrice: 'souk/max_price',
  quoteId: 'souk/quote_id',
} as const

export type NativeCall = {
  caller: Caller
  params: CallParams
  /** The way to the server, where the client has a connection of its own. */
  via?: Order['via']
}

/**
 * @param show what the client is told of the outcome.
 * @returns that, or a refusal that the model can act on.
 * @throws ProtocolError for a tool that the gateway has not, {@link InputNeeded}.
 */
export async function callNative<T>(
  deps: ToolDeps,
  open: OpenGateway,
  { caller, params: { name, arguments: args = {}, _meta = {} }, via }: NativeCall,
  show: (offer: OfferedTool['offer'], outcome: Outcome) => T,
): Promise<T | CallResult> {
  const tool = await open.find(requireKey(caller), name)
  if (!tool) {
    const message = `Unknown tool: ${name.slice(0, 128)}`
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, message)
  }
  try {
    const order = orderOf(caller, {
      endpointId: tool.endpointId,
      version: tool.version,
      arguments: args,
      idempotencyKey: optionIn(_meta, OPTIONS.idempotencyKey),
      maxPrice: optionIn(_meta, OPTIONS.maxPrice),
      quoteId: optionIn(_meta, OPTIONS.quoteId),
      via,
    })
    const outcome = await call(deps, order)
    return show(tool.offer, outcome)
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

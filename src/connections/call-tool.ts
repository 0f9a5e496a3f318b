/** One call of a tool, from its arguments to the answer. */
import { type Answer, startDeadline } from '#upstreams'
import { askServer, type KeptServer, learnParamHeaders } from './kept-server.js'
import type { LineRequest, Reply } from './line.js'
import { listAll } from './list-tools.js'
import type { JsonObject } from './messages.js'
import type { OpenDeps, Session } from './open-session.js'
import { paramHeaders } from './param-headers.js'
import type { Progress } from './progress.js'
import { headerForm } from './revisions.js'
import { answerOf, HEADER_MISMATCH } from './tool-answer.js'

export type ToolCall = {
  tool: string
  arguments: Record<string, unknown>
  /** Members for the request's `_meta`, for example `traceparent`. */
  meta?: Record<string, unknown> | undefined
}

export type CallOptions = {
  /** Whose upstream session it is, an account id: no state of one holder is ever seen by another. */
  holder: string
  callId?: string | undefined
  tag?: string | undefined
  signal?: AbortSignal | undefined
  /** Instead of the settings' own limit. */
  timeoutMs?: number | undefined
  /**
   * At most 20 a second, `progress` always growing; must not throw. The server is asked for
   * progress only then.
   */
  onProgress?: ((progress: Progress) => void) | undefined
  /** What the buyer answered to an `input_required` result (2026-07-28). */
  answers?: { inputResponses?: Record<string, unknown>; requestState?: string } | undefined
}

/** Never throws for what a server does. */
export async function callTool(
  deps: OpenDeps,
  kept: KeptServer,
  call: ToolCall,
  options: CallOptions,
): Promise<Answer> {
  const startedMs = performance.now()
  const { server } = kept
  const deadline = startDeadline(options.timeoutMs ?? server.callTimeoutMs, options.signal)
  const { onProgress } = options
  const ask = (session: Session) =>
    session.line.request('tools/call', paramsOf(call, options), {
      deadline,
      onProgress,
      headers: callHeaders(kept, session, call, options),
    })
  const send = () => askServer(deps, kept, options.holder, deadline, ask)
  let reply: Reply = await send()
  if (reply.kind === 'error' && reply.error.code === HEADER_MISMATCH) {
    // Not executed: the server wants arguments in headers, and its list says which.
    await learn(deps, kept, options.holder, deadline)
    reply = await send()
  }
  deadline.clear()
  return answerOf(reply, {
    scrubber: server.scrubber(),
    maxBodyBytes: deps.maxBodyBytes,
    latencyMs: performance.now() - startedMs,
  })
}

function paramsOf({ tool, arguments: args, meta }: ToolCall, { answers }: CallOptions): JsonObject {
  const params: JsonObject = { name: tool, arguments: args, ...answers }
  if (meta) params._meta = meta
  return params
}

/** What a call carries as headers: arguments that the server wants there, and who is calling. */
export function callHeaders(
  kept: KeptServer,
  { agreed }: Session,
  call: Pick<ToolCall, 'tool' | 'arguments'>,
  { callId, tag }: Pick<CallOptions, 'callId' | 'tag'>,
): Record<string, string> {
  const declared = agreed.era === 'modern' ? kept.paramHeaders.get(call.tool) : undefined
  const headers = declared ? paramHeaders(declared, call.arguments) : {}
  if (callId !== undefined) headers['x-souk-call'] = callId
  if (tag !== undefined) headers['x-souk-tag'] = headerForm(tag)
  return headers
}

async function learn(
  deps: OpenDeps,
  kept: KeptServer,
  holder: string,
  deadline: LineRequest['deadline'],
): Promise<void> {
  const tools = await listAll(
    (params) =>
      askServer(deps, kept, holder, deadline, ({ line }) =>
        line.request('tools/list', params, { deadline }),
      ),
    deadline,
  )
  if (Array.isArray(tools)) learnParamHeaders(kept, tools)
}

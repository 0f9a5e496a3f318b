/** Functions of this process, sold as tools of the operator. */
import type { Account } from '#accounts'
import { MAX_TOOL_ANSWER_BYTES, type ToolDefinition } from '#catalogue'
import { Problem } from '#core/problem'
import type { PriceTerms } from '#pricing'
import { type Answer, ended } from '#upstreams'
import { type Declaration, type Declared, type DeclaringDeps, declare } from './declaring.js'
import { toolNameSchema } from './tool-schema.js'
import { jsonSchemaOf, read, type ValueSchema } from './value-schema.js'

/** What a function learns of its call. */
export type CodeCall = {
  callId: string
  /** Who buys. */
  accountId: string
  tag: string | undefined
  /** To be sent as `x-souk-trace` with what it buys in the course of this call. */
  trace: string
  /** Aborted when its time is over, or when the client takes the call back. */
  signal: AbortSignal
  onProgress(progress: Progress): void
}

type Progress = { progress: number; total?: number; message?: string }

export type CodeTool<Args = Record<string, unknown>> = {
  /** 1 to 64 letters, digits, `_` or `-`. */
  name: string
  description: string
  title?: string | undefined
  inputSchema: ValueSchema<Args>
  outputSchema?: ValueSchema<unknown> | undefined
  /** Free unless given. */
  price?: PriceTerms | undefined
  annotations?: ToolDefinition['annotations'] | undefined
  requiresApproval?: boolean | undefined
  /** For everybody unless it says otherwise. */
  visibility?: 'public' | 'private' | undefined
  /** Texts are answered as they are, all else as JSON. What it throws is never shown to buyers. */
  handler(args: Args, call: CodeCall): unknown
}

/** Which function is called, and what is known of the call. */
type Dispatch = { name: string; arguments: Record<string, unknown> }
type Sending = {
  callId: string
  buyerId: string
  trace: string
  tag?: string | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
}

type Deps = DeclaringDeps & {
  accounts: { bySlug(slug: string): Promise<Account | undefined> }
  /** The most time that a function may take. */
  timeMs: number
  /** Told what a function threw. */
  report(error: unknown): void
}

export function createCodeTools(deps: Deps) {
  const functions = new Map<string, CodeTool<never>>()
  return {
    /**
     * Puts a function on sale, as a tool of the operator that other things of its name give way to.
     * Registered again, it is replaced.
     *
     * @throws Problem `invalid_request` for what cannot be sold.
     */
    async register<Args>(tool: CodeTool<Args>): Promise<Declared> {
      const operator = await deps.accounts.bySlug('operator')
      if (!operator) throw new Error('there is no operator yet')
      const declared = await declare(deps, operator, declarationOf(tool as CodeTool<never>))
      functions.set(tool.name, tool as CodeTool<never>)
      return declared
    },
    isHere: (name: string): boolean => functions.has(name),
    /** Calls a function. What it does wrong is an answer, never an exception. */
    async run({ name, arguments: args }: Dispatch, sending: Sending): Promise<Answer> {
      const startedAt = performance.now()
      const tool = functions.get(name)
      const answer = tool ? await run(deps, tool, args, sending) : NOT_HERE
      return { ...answer, latencyMs: performance.now() - startedAt }
    },
  }
}

const NOT_HERE: Answer = {
  kind: 'unanswered',
  reason: 'unreachable',
  detail: 'The function of this tool is not in this process.',
  dispatched: false,
  latencyMs: 0,
}

const FAILED: Answer = {
  kind: 'unanswered',
  reason: 'broken',
  detail: 'The function of this tool failed.',
  dispatched: true,
  latencyMs: 0,
}

function declarationOf(tool: CodeTool<never>): Declaration {
  const { name, description, title = name, price = { model: 'free' } } = tool
  const fault = toolNameSchema.safeParse(name).error?.issues[0]
  if (fault) throw new Problem('invalid_request', `The name of a tool ${fault.message}.`)
  const { outputSchema, annotations } = tool
  const definition: ToolDefinition = {
    ...{ name, title, description, price, backend: { type: 'code' } },
    input_schema: jsonSchemaOf(tool.inputSchema, 'input'),
    ...(outputSchema && { output_schema: jsonSchemaOf(outputSchema, 'output') }),
    ...(annotations && { annotations }),
    success: { status: '2xx' },
    requires_approval: tool.requiresApproval ?? false,
  }
  return { source: 'code', definition, visibility: tool.visibility ?? 'public' }
}

async function run(
  { timeMs, report }: Deps,
  tool: CodeTool<never>,
  args: Record<string, unknown>,
  { callId, buyerId, trace, tag, signal: taken, onProgress = () => {} }: Sending,
): Promise<Answer> {
  const over = AbortSignal.timeout(timeMs)
  const signal = taken ? AbortSignal.any([over, taken]) : over
  const call: CodeCall = { callId, accountId: buyerId, tag, trace, signal, onProgress }
  try {
    const given = await read(tool.inputSchema, args)
    if ('fault' in given) return textAnswer(400, given.fault)
    const value = await orAborted(signal, async () => tool.handler(given.value, call))
    return await answerWith(tool, value)
  } catch (error) {
    if (over.aborted) return { ...ended('timeout', true), latencyMs: 0 }
    if (taken?.aborted) return { ...ended('cancelled', true), latencyMs: 0 }
    report(error)
    return FAILED
  }
}

/** What the work gives, unless the signal comes first; what it does after that is nobody's. */
function orAborted(signal: AbortSignal, work: () => Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop))
  })
}

async function answerWith({ outputSchema }: CodeTool<never>, value: unknown): Promise<Answer> {
  if (typeof value === 'string' && !outputSchema) return textAnswer(200, value)
  const made = await read(outputSchema, value)
  if ('fault' in made) throw new Error(`the answer does not fit its schema: ${made.fault}`)
  return jsonAnswer(made.value ?? null)
}

function jsonAnswer(value: unknown): Answer {
  const text = JSON.stringify(value)
  if (text === undefined) throw new Error('the answer cannot be written as JSON')
  return answered(200, 'application/json', text)
}

function textAnswer(status: number, text: string): Answer {
  return answered(status, 'text/plain', text)
}

function answered(status: number, mediaType: string, text: string): Answer {
  const body = Buffer.from(text)
  return {
    ...{ kind: 'answered', status, mediaType, headers: {}, latencyMs: 0 },
    body: body.subarray(0, MAX_TOOL_ANSWER_BYTES),
    truncated: body.length > MAX_TOOL_ANSWER_BYTES,
  }
}

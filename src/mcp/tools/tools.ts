/** The seven tools: their list, computed once, and their dispatch. */
import type { Tool } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import { InputNeeded } from '../input-needed.js'
import type { Caller } from '../surface.js'
import { browseApis } from './browse-apis.js'
import { callApi } from './call-api.js'
import { checkBalance } from './check-balance.js'
import { describeEndpoint } from './describe-endpoint.js'
import { getPricing } from './get-pricing.js'
import { getUsage } from './get-usage.js'
import { rateSeller } from './rate-seller.js'
import type { ToolDefinition, ToolDeps, ToolResult } from './tool.js'

const definitions = [
  browseApis,
  describeEndpoint,
  getPricing,
  checkBalance,
  callApi,
  getUsage,
  rateSeller,
] as unknown as ToolDefinition<z.ZodType>[]

const byName = new Map(definitions.map((definition) => [definition.name, definition]))

const PROBLEM_FIELDS = {
  code: { type: 'string' },
  message: { type: 'string' },
  action: { type: 'string' },
}

/** The answer to tools/list: the same for everybody, in the order in which an agent uses them. */
export const toolList: Tool[] = definitions.map((definition) => ({
  name: definition.name,
  title: definition.title,
  description: definition.description,
  inputSchema: inputSchemaOf(definition.input) as Tool['inputSchema'],
  outputSchema: { type: 'object', properties: { ...definition.output, ...PROBLEM_FIELDS } },
  annotations: definition.annotations,
}))

/** What a tool gave: the same JSON as a value and as text. */
export type ToolAnswer = { structured: ToolResult; text: string; isError: boolean }

/** Runs a tool. A refusal is an answer, too, which the model reads and recovers from. */
export async function runTool(
  deps: ToolDeps,
  caller: Caller,
  name: string,
  args: Record<string, unknown>,
): Promise<ToolAnswer> {
  try {
    const tool = byName.get(name)
    if (!tool) throw new Problem('invalid_request', `There is no tool "${name.slice(0, 64)}".`)
    const input = parseInput(tool.input, args, `The input of ${name}`)
    const result = await tool.run(deps, caller, input)
    return answerOf(result, 'code' in result)
  } catch (error) {
    if (error instanceof InputNeeded) throw error
    const refusal = refusalIn(error)
    if (!refusal) return failed(deps, error)
    deps.telemetry.refused(refusal.code, 'mcp')
    return answerOf(refusal.toJSON(), true)
  }
}

/** JSON of a CallToolResult, without walking the answer a second time. */
export function toCallToolResultText({ text, isError }: ToolAnswer): string {
  const error = isError ? ',"isError":true' : ''
  return `{"content":[{"type":"text","text":${JSON.stringify(text)}}],"structuredContent":${text}${error}}`
}

function answerOf(structured: ToolResult, isError: boolean): ToolAnswer {
  return { structured, text: JSON.stringify(structured), isError }
}

function failed(deps: ToolDeps, error: unknown): ToolAnswer {
  const traceId = deps.telemetry.failed(error)
  const problem = new Problem('internal_error', 'The gateway failed; nothing more is known here.', {
    facts: { trace_id: traceId },
  })
  return answerOf(problem.toJSON(), true)
}

/** What a model needs of the schema: names, types, limits that matter, descriptions. */
function inputSchemaOf(schema: z.ZodType): object {
  const { $schema, ...json } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>
  return lean(json) as object
}

/** Leaves out what only validation needs, which is repeated there anyhow. */
function lean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lean)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(
    ([name, member]) =>
      !['maxLength', 'minLength', 'propertyNames'].includes(name) &&
      !(name === 'additionalProperties' && typeof member === 'object') &&
      !(name === 'maximum' && (member as number) > 1_000_000),
  )
  return Object.fromEntries(members.map(([name, member]) => [name, lean(member)]))
}

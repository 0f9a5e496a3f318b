/** The seven tools: their list, computed once, and their dispatch. */
import type { CallToolResult, Tool } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import type { Caller } from '../server.js'
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

/** Runs a tool. A refusal is a result with `isError`, which the model reads and recovers from. */
export async function runTool(
  deps: ToolDeps,
  caller: Caller,
  name: string,
  args: Record<string, unknown>,
): Promise<CallToolResult> {
  try {
    const tool = byName.get(name)
    if (!tool) throw new Problem('invalid_request', `There is no tool "${name.slice(0, 64)}".`)
    const result = await tool.run(
      deps,
      caller,
      parseInput(tool.input, args, `The input of ${name}`),
    )
    return toResult(result, 'code' in result)
  } catch (error) {
    if (!(error instanceof Problem)) return failed(deps, error)
    deps.telemetry.refused(error.code, 'mcp')
    return toResult(error.toJSON(), true)
  }
}

function toResult(result: ToolResult, isError: boolean): CallToolResult {
  const text = JSON.stringify(result)
  return {
    content: [{ type: 'text', text }],
    structuredContent: result,
    ...(isError && { isError: true }),
  }
}

function failed(deps: ToolDeps, error: unknown): CallToolResult {
  const traceId = deps.telemetry.failed(error)
  const problem = new Problem('internal_error', 'The gateway failed; nothing more is known here.', {
    facts: { trace_id: traceId },
  })
  return toResult(problem.toJSON(), true)
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

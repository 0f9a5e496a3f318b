/** What a tool is: a definition that is computed once, and a function from arguments to a result. */
import type { z } from 'zod'
import type { CallDeps } from '#calls'
import type { Catalogue } from '#catalogue'
import type { Caller } from '../surface.js'

export type ToolDeps = CallDeps & { catalogue: Catalogue; publicUrl: string; topUpUrl: string }

export type ToolResult = Record<string, unknown>

export type ToolDefinition<Input extends z.ZodType> = {
  name: string
  title: string
  description: string
  input: Input
  /** Properties of the result, as JSON Schema; the root gets the fields of a refusal, too. */
  output: Record<string, object>
  annotations: {
    readOnlyHint: boolean
    destructiveHint?: boolean
    idempotentHint?: boolean
    openWorldHint: boolean
  }
  /** @throws Problem, which becomes a result that the model can act on. */
  run(deps: ToolDeps, caller: Caller, input: z.output<Input>): Promise<ToolResult>
}

/** Fixes a definition's types. */
export function defineTool<Input extends z.ZodType>(
  definition: ToolDefinition<Input>,
): ToolDefinition<Input> {
  return definition
}

/** Looking changes nothing and stays inside this gateway. */
export const LOOKING = { readOnlyHint: true, openWorldHint: false } as const

/** The nouns of this folder: a gateway as its account composes it, and a tool as clients name it. */
import { z } from 'zod'
import type { Id } from '#core/ids'
import { plainLine } from '#core/plain-text'

/** The most tools that one gateway may have; a client that reads a list this long is lost anyhow. */
export const MAX_TOOLS = 1_000
/** What clients take: with what they put in front of it, a longer name breaks some of them. */
export const MAX_NAME = 60

/** The gateway that every account has: all its own tools, by the names that they have. */
export const DEFAULT_ENDPOINT = 'tools'

const toolName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,60}$/, 'must be 1 to 60 letters, digits, hyphens or underscores')
const endpointId = z.string().min(3).max(140)

const composedTool = z.union([
  endpointId.describe('an endpoint, or all of a listing as "<listing>.*"'),
  z.strictObject({
    endpoint_id: endpointId,
    name: toolName.optional().describe('what clients call it; made from the endpoint when absent'),
    version: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .optional()
      .describe('pins it; default is the latest'),
  }),
])

export type ComposedTool = z.infer<typeof composedTool>

export const configurationSchema = z.strictObject({
  transport: z
    .enum(['http', 'sse', 'websocket'])
    .optional()
    .describe('the one that clients are told of; all of them are served'),
  tools: z
    .array(composedTool)
    .max(MAX_TOOLS)
    .optional()
    .describe("its tools; without tools and servers, all of the account's own"),
  servers: z
    .array(z.string().min(1).max(64))
    .max(100)
    .optional()
    .describe('MCP servers of which all tools are offered'),
  relay: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('one MCP server that is relayed whole, names and all; then it is all there is'),
})

export type Configuration = z.infer<typeof configurationSchema>

export const gatewaySchema = z.strictObject({
  name: z.string().max(1_000).overwrite(plainLine).min(1).max(120),
  type: z.literal('mcp'),
  endpoint: z
    .string()
    .regex(
      /^\/?[a-z0-9]+(-[a-z0-9]+)*$/,
      'must be lower-case words joined by hyphens, with or without a slash in front',
    )
    .max(49)
    .transform((path) => path.replace('/', ''))
    .describe('where it is: /mcp/{account}/{endpoint}'),
  configuration: configurationSchema.default({}),
})

export const gatewayPatchSchema = gatewaySchema
  .pick({ name: true })
  .extend({
    configuration: configurationSchema,
  })
  .partial()

export type GatewayInput = z.infer<typeof gatewaySchema>
export type GatewayPatch = z.infer<typeof gatewayPatchSchema>

export type Gateway = {
  id: Id<'gateway'>
  accountId: Id<'account'>
  accountSlug: string
  name: string
  /** The last part of its address. */
  endpoint: string
  configuration: Configuration
  createdAtMs: number
  updatedAtMs: number
}

/** A tool of a gateway: the name that clients use, and what it is. */
export type GatewayTool = {
  name: string
  endpointId: string
  /** Absent for the latest. */
  version?: number
}

/** What an operator says of an MCP server, through the API, in `souk.yaml` and in code alike. */
import { z } from 'zod'
import { plainText } from '#core/plain-text'
import { storedText } from '#core/stored-text'
import { priceSchema } from '#pricing'
import { isHeaderName } from '#upstreams'

const MAX_TIMEOUT_MS = 600_000
/** Of a tool at its server. */
export const MAX_TOOL_NAME = 500
/** What is taken out of answers must be long enough not to be found by chance. */
const MIN_SECRET = 8

const WORDS = /^[a-z0-9]+([-_][a-z0-9]+)*$/
const words = z.string().regex(WORDS, 'must be lower-case words joined by - or _').max(32)
const secret = z.string().min(MIN_SECRET).max(16_384)
const address = z.string().max(2048).refine(isHttpUrl, 'must be an http or https URL')
const headerName = z.string().refine(isHeaderName, 'must be the name of a header')
const texts = (max: number) => z.record(z.string().min(1).max(128), z.string().max(max))
const timeout = z.int().min(100).max(MAX_TIMEOUT_MS)
const scopes = z.array(z.string().min(1).max(300)).max(50)
const toolNames = z.array(z.string().min(1).max(MAX_TOOL_NAME)).max(1_000)

const credentialsSchema = z
  .union(
    [
      z.strictObject({ bearer_token: secret }),
      z.strictObject({ api_key: secret, api_key_header: headerName.default('X-API-Key') }),
      z.strictObject({
        auth_type: z.literal('oauth2_client_credentials'),
        token_url: address,
        client_id: z.string().min(1).max(1024),
        client_secret: secret,
        scopes: scopes.optional(),
        extra_params: texts(4096).optional(),
      }),
      z.strictObject({
        auth_type: z.literal('google_service_account'),
        service_account_json: z.record(z.string(), z.unknown()),
        scopes: scopes.min(1),
      }),
    ],
    'must have bearer_token, or api_key, or be of auth_type oauth2_client_credentials or google_service_account',
  )
  .describe('what it takes to be let in; sealed, and never shown')

/** Everything but name and transport may be absent. */
const fields = z.strictObject({
  name: words.describe('stays; its tools are named <name>__<tool>'),
  transport: z.enum(['streamable_http', 'sse', 'stdio']),
  url: address.optional(),
  headers: texts(16_384)
    .refine((headers) => Object.keys(headers).every(isHeaderName), 'must be named as headers are')
    .optional()
    .describe('sent with every request; sealed, only the names are shown'),
  credentials: credentialsSchema.optional(),
  command: storedText({ min: 1, max: 4096 }).optional().describe('started without a shell'),
  args: z.array(z.string().max(8192)).max(200).optional(),
  env: texts(16_384).optional().describe('sealed, only the names are shown'),
  enabled: z.boolean().optional(),
  description: z.string().max(4_000).overwrite(plainText).optional(),
  category: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')
    .max(64)
    .optional(),
  default_price: priceSchema
    .optional()
    .describe('of each tool whose price was not set by hand; free where absent'),
  visibility: z.enum(['public', 'private']).optional(),
  prefix: words.optional().describe('instead of its name in the names of its tools'),
  tool_call_timeout_ms: timeout.optional(),
  connection_timeout_ms: timeout.optional(),
  require_approval: z.boolean().optional(),
  tools: z
    .strictObject({ include: toolNames.optional(), exclude: toolNames.optional() })
    .optional()
    .describe('which of its tools are sold, by their names at the server; all where absent'),
})

export const serverSchema = fields.superRefine((server, context) => {
  const refuse = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message })
  const isProcess = server.transport === 'stdio'
  const needed = isProcess ? 'command' : 'url'
  if (server[needed] === undefined) refuse(needed, `is needed for ${server.transport}`)
  for (const field of isProcess ? HTTP_ONLY : PROCESS_ONLY) {
    if (server[field] !== undefined) refuse(field, `has no meaning for ${server.transport}`)
  }
})

const HTTP_ONLY = ['url', 'headers', 'credentials'] as const
const PROCESS_ONLY = ['command', 'args', 'env'] as const

/** As it was written; see {@link offerOf} for what holds where it says nothing. */
export type ServerTerms = z.output<typeof serverSchema>
/** As people write it. */
export type ServerInput = z.input<typeof serverSchema>

/** A change: what is absent stays, what is `null` is as if it had never been said. */
export type ServerChange = { [Field in keyof ServerTerms]?: ServerTerms[Field] | null }

export const serverChangeSchema = z.strictObject(
  Object.fromEntries(Object.entries(fields.shape).map(([name, field]) => [name, field.nullish()])),
) as unknown as z.ZodType<ServerChange>

/** How the tools of a server are sold. */
export function offerOf(terms: ServerTerms) {
  return {
    category: terms.category ?? 'tools',
    description: terms.description || `Tools of the MCP server ${terms.name}.`,
    price: terms.default_price ?? { model: 'free' as const },
    requires_approval: terms.require_approval ?? false,
    visibility: terms.visibility ?? ('public' as const),
  }
}

/** Without user name and password, which would be shown. */
function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username + password === ''
}

/** A tool as it is declared: what arrives by REST, and what stands in the operator's file. */
import { z } from 'zod'
import { credentialSchema, toolTermsSchema } from '#catalogue'
import { Problem } from '#core/problem'
import { type Credential, checkCredential } from '#upstreams'

const MAX_URL = 2_048

export const toolNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9_-]{1,64}$/,
    'must be 1 to 64 letters, digits, "_" or "-": clients take no more, a prefix of theirs included',
  )

/** Hints for clients; nothing here relies on them. */
export const annotationsSchema = z.strictObject({
  title: z.string().max(120).optional(),
  readOnlyHint: z.boolean().optional(),
  destructiveHint: z.boolean().optional(),
  idempotentHint: z.boolean().optional(),
  openWorldHint: z.boolean().optional(),
})

const visibilitySchema = z.enum(['private', 'public'])

export const toolSchema = toolTermsSchema.partial({ title: true, price: true }).extend({
  name: toolNameSchema,
  handler_url: z.string().min(8).max(MAX_URL).describe('it is sent the arguments as JSON, by POST'),
  handler_auth: z
    .union([z.string().min(1).max(16_384), credentialSchema])
    .optional()
    .describe('the Authorization header that it is sent, or a credential; never shown again'),
  require_human_approval: z.boolean().optional(),
  annotations: annotationsSchema.optional(),
  visibility: visibilitySchema.default('private').describe('private: only for this account'),
})

/** What the operator writes down is for everybody unless it says otherwise. */
export const fileToolsSchema = z.array(
  toolSchema.extend({ visibility: visibilitySchema.default('public') }),
)

export type ToolInput = z.output<typeof toolSchema>

/** What Souk itself sends to a handler. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...['webhook-id', 'webhook-timestamp', 'webhook-signature', 'x-souk-tag', 'x-souk-trace'],
])

/**
 * A text is the Authorization header as it is sent.
 *
 * @throws Problem `invalid_request`; the sentence never repeats a value.
 */
export function handlerCredential(auth: ToolInput['handler_auth']): Credential | undefined {
  const credential = typeof auth === 'string' ? authorization(auth) : auth
  if (!credential) return undefined
  if ('name' in credential && OWN_HEADERS.has(credential.name.toLowerCase())) {
    throw new Problem('invalid_request', `handler_auth.name must not be "${credential.name}".`)
  }
  try {
    checkCredential(credential)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new Problem('invalid_request', error.message.replace(/^credential/, 'handler_auth'))
  }
  return credential
}

/** The secret alone is known where its form is, so that an echo of it alone is taken out, too. */
function authorization(header: string): Credential {
  const token = /^Bearer (\S+)$/.exec(header)?.[1]
  if (token !== undefined) return { type: 'bearer', token }
  return { type: 'header', name: 'authorization', value: header }
}

/**
 * The address as it is called: https, or a host that the operator allows; with path and query.
 *
 * @throws Problem `invalid_request`.
 */
export function handlerUrl(
  { checkReachable }: { checkReachable(baseUrl: string, field: string): void },
  text: string,
): string {
  if (!URL.canParse(text)) throw refused('It is not a URL.')
  const url = new URL(text)
  if (!/^https?:$/.test(url.protocol)) throw refused('It must be https.')
  if (url.username + url.password !== '') {
    throw refused('It must not hold a user name or password; put them into handler_auth.')
  }
  if (text.includes('#')) throw refused('It must not have a fragment.')
  checkReachable(url.origin, 'handler_url')
  return url.href
}

function refused(why: string): Problem {
  return new Problem('invalid_request', `handler_url: ${why}`)
}

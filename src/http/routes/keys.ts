/** API keys of the account that asks. */
import { z } from 'zod'
import { limitsSchema, SCOPES, showKey } from '#accounts'
import { fromRfc3339 } from '#core/clock'
import { Problem } from '#core/problem'
import { storedText } from '#core/stored-text'
import { Reply, route } from '../route.js'

const newKeySchema = z.strictObject({
  name: storedText({ min: 1, max: 120 }),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  limits: limitsSchema.optional().describe('USDC, fee included'),
  expires_at: z.string().max(40).optional().describe('RFC 3339'),
})

const keySchema = z.looseObject({ id: z.string(), name: z.string() })
const newKeyResult = keySchema.extend({ api_key: z.string().describe('shown only here') })

export const keyRoutes = [
  route({
    method: 'post',
    path: '/v1/keys',
    tag: 'keys',
    summary: 'Makes a key within the scopes and limits of the one that asks.',
    who: 'key',
    scopes: ['manage'],
    body: newKeySchema,
    status: 201,
    result: newKeyResult,
    async run({ accounts, clock }, { principal, body }) {
      const { key, secret } = await accounts.createKey(principal!, {
        name: body.name,
        scopes: body.scopes,
        limits: body.limits,
        expiresAtMs: expiryIn(body.expires_at, clock.now()),
      })
      return { ...showKey(key), api_key: secret }
    },
  }),
  route({
    method: 'get',
    path: '/v1/keys',
    tag: 'keys',
    summary: 'All keys of the account, without their secrets.',
    who: 'key',
    scopes: ['manage', 'read'],
    result: z.object({ keys: z.array(keySchema) }),
    run: async ({ accounts }, { principal }) => ({
      keys: (await accounts.listKeys(principal!.account.id)).map(showKey),
    }),
  }),
  route({
    method: 'post',
    path: '/v1/keys/{id}/rotate',
    tag: 'keys',
    summary: 'Gives a key a new secret; the old one is refused from now on.',
    who: 'key',
    scopes: ['manage'],
    result: newKeyResult,
    async run({ accounts }, { principal, params }) {
      const { key, secret } = await accounts.rotateKey(principal!, params.id!)
      return { ...showKey(key), api_key: secret }
    },
  }),
  route({
    method: 'delete',
    path: '/v1/keys/{id}',
    tag: 'keys',
    summary: 'Ends a key, and all keys that it made.',
    who: 'key',
    scopes: ['manage'],
    status: 204,
    async run({ accounts }, { principal, params }) {
      await accounts.revokeKey(principal!, params.id!)
      return new Reply(204, '')
    },
  }),
]

function expiryIn(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const ms = fromRfc3339(text)
  if (ms !== undefined && ms > nowMs) return ms
  throw new Problem('invalid_request', 'expires_at must be an RFC 3339 time in the future.')
}

/** API keys of the account that asks. */
import { z } from 'zod'
import { showKey } from '#accounts'
import { audited } from '../audited.js'
import { keySchema, newKeyOf, newKeyResult, newKeySchema } from '../key-schema.js'
import { Reply, route } from '../route.js'

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
    async run(deps, { principal, body }) {
      const along = audited(deps, principal, 'key.create', body)
      const { accounts, clock } = deps
      const { key, secret } = await accounts.createKey(
        principal!,
        newKeyOf(body, clock.now()),
        along,
      )
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
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'key.rotate')
      const { key, secret } = await deps.accounts.rotateKey(principal!, params.id!, along)
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
    async run(deps, { principal, params }) {
      const along = audited(deps, principal, 'key.revoke')
      await deps.accounts.revokeKey(principal!, params.id!, along)
      return new Reply(204, '')
    },
  }),
]

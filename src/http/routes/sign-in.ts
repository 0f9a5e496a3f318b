/** How the person of an account signs in. */
import { z } from 'zod'
import { Problem } from '#core/problem'
import { signInSchema } from '#people'
import { audited } from '../audited.js'
import { route } from '../route.js'

export const signInRoutes = [
  route({
    method: 'put',
    path: '/v1/me/sign-in',
    tag: 'accounts',
    summary: 'Sets how the person of this account signs in; ends their sessions. First key only.',
    who: 'key',
    scopes: ['manage'],
    body: signInSchema,
    result: z.object({ email: z.string().nullable(), wallet_address: z.string().nullable() }),
    async run(deps, { principal, body }) {
      const { accounts, people } = deps
      const { account, key } = principal!
      // What a person lets in is bound by the first key only, so no other may say who that is.
      if (key.id !== (await accounts.firstKeyId(account.id))) {
        throw new Problem('forbidden', "Only the account's first key may do this.", {
          action: 'Use the key that the account was opened with.',
        })
      }
      const along = audited(deps, principal, 'person.change', { changed: 'sign-in' })
      const person = await people.setSignIn(account.id, body, { along })
      return { email: person.email, wallet_address: person.walletAddress }
    },
  }),
]

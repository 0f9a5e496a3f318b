/** How the person of an account signs in. */
import { z } from 'zod'
import { signInSchema } from '#people'
import { route } from '../route.js'

export const signInRoutes = [
  route({
    method: 'put',
    path: '/v1/me/sign-in',
    tag: 'accounts',
    summary: 'Sets how the person of this account signs in at /sign-in; ends their sessions.',
    who: 'key',
    scopes: ['manage'],
    body: signInSchema,
    result: z.object({ email: z.string().nullable(), wallet_address: z.string().nullable() }),
    async run({ people }, { principal, body }) {
      const person = await people.setSignIn(principal!.account.id, body)
      return { email: person.email, wallet_address: person.walletAddress }
    },
  }),
]

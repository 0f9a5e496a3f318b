/** How people get an account without the operator opening it, where the operator lets them. */
import { z } from 'zod'
import { INVITE_CODE, showAccount } from '#accounts'
import { formatUsdc, parseUsdc } from '#core/money'
import { welcome } from '#payments'
import { accountResult, namedSchema } from '../account-schema.js'
import { audited } from '../audited.js'
import { futureIn } from '../key-schema.js'
import { route } from '../route.js'

const email = z.email().max(254)

const signUpSchema = z.strictObject({
  ...namedSchema.shape,
  email: email.optional().describe('that of the invitation, where it names one'),
  invite: z.string().regex(INVITE_CODE).optional().describe('a code from the operator'),
})

const inviteSchema = z.strictObject({
  email: email.optional().describe('the only one that may use it'),
  expires_at: z.string().max(40).optional().describe('RFC 3339'),
  credit: z.string().max(24).optional().describe('USDC that it brings, in the sandbox'),
})

export const signUpRoutes = [
  route({
    method: 'post',
    path: '/v1/sign-ups',
    tag: 'accounts',
    summary: 'Opens an account, where this gateway lets people. Its key is shown only here.',
    who: 'anyone',
    body: signUpSchema,
    status: 201,
    result: accountResult.extend({ api_key: z.string() }),
    async run(deps, { body, address }) {
      const along = audited(deps, undefined, 'account.sign_up', { name: body.name })
      const { account, secret } = await welcome(deps, { ...body, address }, along)
      return { ...showAccount(account), api_key: secret }
    },
  }),
  route({
    method: 'post',
    path: '/v1/invites',
    tag: 'operator',
    summary: 'Makes a code that lets one person sign up, once.',
    who: 'operator',
    body: inviteSchema,
    status: 201,
    result: z.object({ id: z.string(), invite: z.string().describe('shown only here') }),
    async run(deps, { principal, body }) {
      const { email: to, expires_at, credit } = body
      const terms = {
        email: to,
        expiresAtMs: futureIn(expires_at, 'expires_at', deps.clock.now()),
        credit: credit === undefined ? undefined : formatUsdc(parseUsdc(credit, 'credit')),
      }
      const along = audited(deps, principal, 'invite.create', { expires_at, credit })
      const { id, code } = await deps.accounts.signUps.invite(terms, along)
      return { id, invite: code }
    },
  }),
]

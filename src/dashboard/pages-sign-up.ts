/** Opening an account, where the operator lets people. */
import { z } from 'zod'
import { type Account, type Along, INVITE_CODE, type SignUp, type SignUpMode } from '#accounts'
import type { AuditLog } from '#audit'
import { parseInput } from '#core/parse-input'
import { plainLine } from '#core/plain-text'
import { Problem } from '#core/problem'
import { storedText } from '#core/stored-text'
import { MIN_PASSWORD_CHARS, type People, type Rule, signInSchema } from '#people'
import { audited } from './audited.js'
import { html } from './html.js'
import { notice, sendPage } from './page.js'
import type { PageRoute } from './page-route.js'
import type { Visit } from './visit.js'

export type SignUpDeps = {
  people: Pick<People, 'prepareSignIn' | 'ofAccount' | 'throttle'>
  signUpMode: SignUpMode
  signUp(input: SignUp, along: Along): Promise<{ account: Account; secret: string }>
  audit: Pick<AuditLog, 'record'>
}

/** From one network address. */
const SIGN_UPS: Rule = { name: 'sign-up', most: 20, windowMs: 60 * 60_000 }

const signUpSchema = signInSchema.extend({
  name: storedText({ min: 1, max: 120 }).overwrite(plainLine).min(1),
  invite: z.string().trim().regex(INVITE_CODE, 'is no invite code').optional(),
})

export const signUpPages: readonly PageRoute<SignUpDeps>[] = [
  {
    method: 'GET',
    path: /^\/sign-up$/,
    async run(deps, visit) {
      requireSignUp(deps)
      showSignUp(deps, visit)
    },
  },
  {
    method: 'POST',
    path: /^\/sign-up$/,
    async run(deps, visit) {
      requireSignUp(deps)
      const form = await visit.form()
      const fields = Object.fromEntries(
        ['name', 'email', 'password', 'invite']
          .map((name) => [name, form.get(name) ?? ''] as const)
          .filter(([, value]) => value !== ''),
      )
      try {
        const { secret } = await open(deps, visit, fields)
        showFirstKey(visit, secret)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        showSignUp(deps, visit, error)
      }
    },
  },
]

/** Account and person are made together, or neither. */
async function open(deps: SignUpDeps, visit: Visit, fields: object) {
  const { people } = deps
  const { name, invite, ...signIn } = parseInput(signUpSchema, fields, 'The form')
  // Before the password is sealed, which is dear.
  await people.throttle.take(SIGN_UPS, visit.from)
  const write = await people.prepareSignIn(signIn)
  const { email } = signIn
  const asked = { name, invite, email, address: visit.from }
  const opened = await deps.signUp(asked, async (tx, accountId) => {
    const person = await write(tx, accountId)
    await audited(deps, person, 'account.sign_up', { name })(tx, accountId)
  })
  await visit.signIn((await people.ofAccount(opened.account.id))!)
  return opened
}

function requireSignUp({ signUpMode }: SignUpDeps): void {
  if (signUpMode === 'off') throw new Problem('not_found', 'Accounts are opened by the operator.')
}

function showSignUp({ signUpMode }: SignUpDeps, visit: Visit, problem?: Problem): void {
  sendPage(visit.res, {
    title: 'Open an account',
    status: problem?.status ?? 200,
    content: html`${problem && notice(problem.message)}
<form method="post" action="/sign-up">
${visit.formToken()}
<label for="name">Name of the account</label>
<input id="name" name="name" autocomplete="organization" maxlength="120" required>
<small>Others see it where you sell.</small>
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password"
  minlength="${MIN_PASSWORD_CHARS}" aria-describedby="rule" required>
<small id="rule">At least ${MIN_PASSWORD_CHARS} characters.</small>
${
  signUpMode === 'invite' &&
  html`<label for="invite">Invite code</label>
<input id="invite" name="invite" autocomplete="off" required>`
}
<button class="first">Open the account</button>
</form>
<p><a href="/sign-in">I have one</a></p>`,
  })
}

function showFirstKey({ res }: Visit, secret: string): void {
  sendPage(res, {
    title: 'Your account is open',
    status: 201,
    content: html`<p>This is the first API key of your account. It is shown only here; programs that
sign in through this site do not need it.</p>
<p class="secret">${secret}</p>
<p><a href="/account">Go on to your account</a></p>`,
  })
}

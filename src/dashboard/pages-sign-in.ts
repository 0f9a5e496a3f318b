/** Signing in, by password or wallet, and out. */
import type { SignUpMode } from '#accounts'
import { Problem } from '#core/problem'
import type { People } from '#people'
import { type Html, html } from './html.js'
import { notice, sendPage, sendTo } from './page.js'
import { fieldIn, type PageRoute } from './page-route.js'
import type { Visit } from './visit.js'

const HOME = '/account'
/** Where signing in may lead: pages of ours that ask for it, and nowhere else. */
const NEXT = /^\/(?:account|oauth\/consent\/[\w-]{1,64}|approvals\/\w{1,64})$/

export type SignInDeps = {
  people: Pick<People, 'signIn' | 'signInWithWallet' | 'walletChallenge' | 'linkWallet'>
  signUpMode: SignUpMode
}

export const signInPages: readonly PageRoute<SignInDeps>[] = [
  {
    method: 'GET',
    path: /^\/sign-in$/,
    async run(deps, visit) {
      const next = nextOf(visit.query)
      if (visit.person) sendTo(visit.res, next)
      else showSignIn(deps, visit, next)
    },
  },
  {
    method: 'POST',
    path: /^\/sign-in$/,
    async run(deps, visit) {
      const form = await visit.form()
      const signIn = {
        email: fieldIn(form, 'email').trim().toLowerCase(),
        password: fieldIn(form, 'password'),
      }
      await enter(deps, visit, nextOf(form), () => deps.people.signIn(signIn, visit.from))
    },
  },
  {
    method: 'POST',
    path: /^\/sign-in\/wallet$/,
    async run(deps, visit) {
      const form = await visit.form()
      const signed = { message: fieldIn(form, 'message'), signature: fieldIn(form, 'signature') }
      await enter(deps, visit, nextOf(form), () => deps.people.signInWithWallet(signed, visit.from))
    },
  },
  {
    method: 'POST',
    path: /^\/sign-in\/wallet\/challenge$/,
    async run({ people }, visit) {
      const form = await visit.form()
      const wallet = { address: fieldIn(form, 'address'), chainId: Number(fieldIn(form, 'chain')) }
      const message = await people.walletChallenge(wallet, visit.from)
      visit.res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(message)
    },
  },
  {
    method: 'POST',
    path: /^\/sign-out$/,
    async run(_deps, visit) {
      await visit.form()
      await visit.signOut()
      sendTo(visit.res, '/sign-in')
    },
  },
]

/** Sends somebody who is not signed in to where they can, and back afterwards. */
export function askToSignIn({ res, path }: Visit): void {
  sendTo(res, `/sign-in?next=${encodeURIComponent(path)}`)
}

/** A form that the wallet's script fills and sends. */
export function walletForm(visit: Visit, action: string, button: string, next?: string): Html {
  return html`<form method="post" action="${action}" data-wallet>
${visit.formToken()}
<input type="hidden" name="message"><input type="hidden" name="signature">
${next !== undefined && html`<input type="hidden" name="next" value="${next}">`}
<button>${button}</button>
<p role="status"></p>
<noscript><p>Wallets need JavaScript.</p></noscript>
</form>`
}

async function enter(
  deps: SignInDeps,
  visit: Visit,
  next: string,
  find: () => ReturnType<People['signIn']>,
): Promise<void> {
  try {
    await visit.signIn(await find())
    sendTo(visit.res, next)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    showSignIn(deps, visit, next, error)
  }
}

function showSignIn(deps: SignInDeps, visit: Visit, next: string, problem?: Problem): void {
  sendPage(visit.res, {
    title: 'Sign in',
    status: problem?.status ?? 200,
    hasWallet: true,
    content: html`${problem && notice(problem.message)}
<form method="post" action="/sign-in">
${visit.formToken()}
<input type="hidden" name="next" value="${next}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button class="first">Sign in</button>
</form>
<h2>With a wallet</h2>
<p>If you linked one. It signs a message, which costs nothing.</p>
${walletForm(visit, '/sign-in/wallet', 'Sign in with a wallet', next)}
${deps.signUpMode !== 'off' && html`<p><a href="/sign-up">Open an account</a></p>`}`,
  })
}

function nextOf(fields: URLSearchParams): string {
  const next = fieldIn(fields, 'next')
  return NEXT.test(next) ? next : HOME
}

/** A person's account: who they are, their money, what waits for them, and who was let in. */
import { type Account, payerOf } from '#accounts'
import type { AuditLog } from '#audit'
import { toRfc3339 } from '#core/clock'
import { formatUsdc } from '#core/money'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import type { OAuth } from '#oauth'
import { MIN_PASSWORD_CHARS, type People, type Person } from '#people'
import { audited } from './audited.js'
import { type Html, html } from './html.js'
import { notice, sendPage, sendTo } from './page.js'
import { fieldIn, type PageRoute } from './page-route.js'
import type { Approval, Approvals } from './pages-approval.js'
import { askToSignIn, walletForm } from './pages-sign-in.js'
import type { Visit } from './visit.js'

export type HomeDeps = {
  accounts: { get(id: string): Promise<Account> }
  ledger: Pick<Ledger, 'balanceOf'>
  oauth: Pick<OAuth, 'of' | 'end'>
  people: Pick<People, 'linkWallet' | 'setSignIn' | 'signIn' | 'unlinkWallet'>
  approvals: Approvals
  audit: Pick<AuditLog, 'record'>
}

export const homePages: readonly PageRoute<HomeDeps>[] = [
  {
    method: 'GET',
    path: /^\/account$/,
    async run(deps, visit) {
      if (visit.person) await showHome(deps, visit, visit.person)
      else askToSignIn(visit)
    },
  },
  {
    method: 'POST',
    path: /^\/account\/clients\/(key_\w{1,40})\/end$/,
    run: (deps, visit, [keyId]) =>
      change(deps, visit, (person) =>
        deps.oauth.end(person.accountId, keyId!, audited(deps, person, 'oauth_grant.revoke')),
      ),
  },
  {
    method: 'POST',
    path: /^\/account\/wallet$/,
    run: (deps, visit) =>
      change(deps, visit, (person, form) =>
        deps.people.linkWallet(
          person,
          { message: fieldIn(form, 'message'), signature: fieldIn(form, 'signature') },
          audited(deps, person, 'person.change', { changed: 'wallet' }),
        ),
      ),
  },
  {
    method: 'POST',
    path: /^\/account\/wallet\/unlink$/,
    run: (deps, visit) =>
      change(deps, visit, (person) => {
        const along = audited(deps, person, 'person.change', { changed: 'wallet' })
        return deps.people.unlinkWallet(person, { keep: visit.token, along })
      }),
  },
  {
    method: 'POST',
    path: /^\/account\/password$/,
    run: (deps, visit) =>
      change(deps, visit, (person, form) => changePassword(deps, visit, person, form)),
  },
]

/** Does what a form asks for and shows the account again, with what went wrong. */
async function change(
  deps: HomeDeps,
  visit: Visit,
  work: (person: Person, form: URLSearchParams) => Promise<unknown>,
): Promise<void> {
  const form = await visit.form()
  const { person, res } = visit
  if (!person) {
    sendTo(res, '/sign-in')
    return
  }
  try {
    await work(person, form)
    sendTo(res, '/account')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    await showHome(deps, visit, person, error)
  }
}

async function changePassword(
  deps: HomeDeps,
  { from, token }: Visit,
  person: Person,
  form: URLSearchParams,
): Promise<void> {
  const { accountId, email } = person
  if (email === null)
    throw new Problem('invalid_request', 'There is no email address to sign in with.')
  const password = fieldIn(form, 'password')
  if (password.length < MIN_PASSWORD_CHARS) {
    throw new Problem(
      'invalid_request',
      `A password has at least ${MIN_PASSWORD_CHARS} characters.`,
    )
  }
  await deps.people.signIn({ email, password: fieldIn(form, 'current') }, from)
  const along = audited(deps, person, 'person.change', { changed: 'password' })
  await deps.people.setSignIn(accountId, { email, password }, { keep: token, along })
}

async function showHome(
  { accounts, ledger, oauth, approvals }: HomeDeps,
  visit: Visit,
  person: Person,
  problem?: Problem,
): Promise<void> {
  const account = await accounts.get(person.accountId)
  const { available, held } = await ledger.balanceOf(payerOf({ account }))
  const open = await approvals.open(person.accountId)
  sendPage(visit.res, {
    title: account.name,
    status: problem?.status ?? 200,
    hasWallet: person.walletAddress === null,
    content: html`${problem && notice(problem.message)}
<nav aria-label="Account"><span>${person.email ?? person.walletAddress ?? ''}</span>
<form method="post" action="/sign-out">${visit.formToken()}<button>Sign out</button></form></nav>
<dl>
<dt>Account</dt><dd>${account.slug}</dd>
<dt>Available</dt><dd>${formatUsdc(available)} USDC</dd>
<dt>Held</dt><dd>${formatUsdc(held)} USDC</dd>
</dl>
${open.length > 0 && html`<h2>Waiting for you</h2><ul>${open.map(approvalLine)}</ul>`}
<h2>Programs that you let in</h2>
${clientList(visit, await oauth.of(person.accountId))}
${signInSettings(visit, person)}`,
  })
}

function approvalLine({ id, title, total }: Approval): Html {
  return html`<li><a href="/approvals/${id}">${title}</a>, at most ${total} USDC</li>`
}

function clientList(visit: Visit, grants: Awaited<ReturnType<OAuth['of']>>): Html {
  if (grants.length === 0) return html`<p>None.</p>`
  const items = grants.map(({ keyId, clientName, resource, createdAtMs, key }) => {
    const limit = key.limits.day
    const spends = limit === undefined ? 'no limit of its own' : `${formatUsdc(limit)} USDC a day`
    return html`<li><strong>${clientName}</strong> at ${resource}, since
${toRfc3339(createdAtMs).slice(0, 10)}: ${key.scopes.join(', ')}; ${spends}
<form method="post" action="/account/clients/${keyId}/end">${visit.formToken()}
<button aria-label="End ${clientName}">End</button></form></li>`
  })
  return html`<ul>${items}</ul>`
}

function signInSettings(visit: Visit, { email, walletAddress }: Person): Html {
  return html`${
    email !== null &&
    html`<h2>Change the password</h2>
<form method="post" action="/account/password">
${visit.formToken()}
<label for="current">Current password</label>
<input id="current" name="current" type="password" autocomplete="current-password" required>
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password"
  minlength="${MIN_PASSWORD_CHARS}" required>
<button>Change it, and sign out everywhere else</button>
</form>`
  }
<h2>Wallet</h2>
${
  walletAddress === null
    ? walletForm(visit, '/account/wallet', 'Link a wallet')
    : html`<p>${walletAddress}</p>
<form method="post" action="/account/wallet/unlink">${visit.formToken()}
<button>Unlink it, and sign out everywhere else</button></form>`
}`
}

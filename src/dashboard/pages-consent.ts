/** A program wants to be let in: who it is, what it may do, how much it may spend. */
import { type Account, limitsSchema, type Scope } from '#accounts'
import type { AuditLog } from '#audit'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import type { Consent, OAuth } from '#oauth'
import { audited } from './audited.js'
import { type Html, html } from './html.js'
import { notice, sendPage, sendTo } from './page.js'
import { fieldIn, type PageRoute } from './page-route.js'
import { askToSignIn } from './pages-sign-in.js'
import type { Visit } from './visit.js'

/** What a person may leave as it is, USDC a day. */
const SUGGESTED_DAY_LIMIT = '1'

export type ConsentDeps = {
  oauth: Pick<OAuth, 'asked' | 'allow' | 'deny'>
  accounts: { get(id: string): Promise<Account> }
  audit: Pick<AuditLog, 'record'>
}

const IN_WORDS: Readonly<Record<Scope, string>> = {
  call: 'Buy calls, and spend the money of this account within the limit below',
  read: 'Look at the balance, at what was bought, and at receipts',
  sell: 'Change what this account sells, and at which prices',
  manage: 'Make and end API keys, and change settings of this account',
}

const PAGE = /^\/oauth\/consent\/([\w-]{1,64})$/

export const consentPages: readonly PageRoute<ConsentDeps>[] = [
  {
    method: 'GET',
    path: PAGE,
    async run(deps, visit, [uid]) {
      const { req, res, person } = visit
      const consent = await deps.oauth.asked(req, res, uid!)
      if (!person) askToSignIn(visit)
      else showConsent(visit, consent, await deps.accounts.get(person.accountId))
    },
  },
  {
    method: 'POST',
    path: PAGE,
    async run(deps, visit, [uid]) {
      const { req, res, person } = visit
      const exchange = { req, res, uid: uid! }
      const form = await visit.form()
      if (!person) {
        askToSignIn(visit)
        return
      }
      if (fieldIn(form, 'decision') !== 'allow') {
        sendTo(res, await deps.oauth.deny(exchange))
        return
      }
      const consent = await deps.oauth.asked(req, res, uid!)
      const account = await deps.accounts.get(person.accountId)
      try {
        const terms = termsIn(form, consent)
        const { clientId, clientName } = consent
        const facts = { client_id: clientId, client: clientName, ...terms }
        const along = audited(deps, person, 'oauth_grant.create', facts)
        sendTo(res, await deps.oauth.allow(exchange, { person, account, ...terms, along }))
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'invalid_request') throw error
        showConsent(visit, consent, account, error)
      }
    },
  },
]

/** What the person ticked, of what was asked for, and the limit. */
function termsIn(form: URLSearchParams, consent: Consent) {
  const ticked = new Set(form.getAll('scope'))
  const scopes = consent.scopes.filter((scope) => ticked.has(scope))
  if (scopes.length === 0) {
    throw new Problem('invalid_request', 'Tick at least one thing, or say no.')
  }
  const day = fieldIn(form, 'day').trim()
  const limits = parseInput(limitsSchema, day === '' ? {} : { day }, 'The limit')
  return { scopes, limits }
}

function showConsent(visit: Visit, consent: Consent, account: Account, problem?: Problem): void {
  const { clientName, resource, scopes } = consent
  sendPage(visit.res, {
    title: `Let ${clientName} in?`,
    status: problem?.status ?? 200,
    // Browsers hold the answer of a form, and where that leads on, against this rule.
    formsLeadAnywhere: true,
    content: html`${problem && notice(problem.message)}
<p>${provenance(consent)}</p>
<dl>
<dt>Account</dt><dd>${account.name} (${account.slug})</dd>
<dt>Address</dt><dd>${resource}</dd>
<dt>Leads to</dt><dd>${placeOf(consent.redirectUri)}</dd>
</dl>
<form method="post">
${visit.formToken()}
<h2>It may</h2>
${scopes.map(
  (scope) => html`<label class="choice">
<input type="checkbox" name="scope" value="${scope}" checked> ${IN_WORDS[scope]}</label>`,
)}
<label for="day">Most that it may spend a day, in USDC</label>
<input id="day" name="day" inputmode="decimal" autocomplete="off" value="${SUGGESTED_DAY_LIMIT}"
  aria-describedby="day-rule">
<small id="day-rule">Fees included. Empty: only the limits of the account hold.</small>
<button class="first" name="decision" value="allow">Let it in</button>
<button name="decision" value="deny">No</button>
</form>
<p>You can end this at any time on <a href="/account">your account</a>.</p>`,
  })
}

/** What is known of a program and what it only says. */
function provenance({ clientName, provenHost }: Consent): Html {
  return provenHost === undefined
    ? html`“${clientName}” is what the program calls itself; nobody checked it. Say yes only if you
started this just now.`
    : html`“${clientName}” is published by <strong>${provenHost}</strong>. Say yes only if you started
this just now.`
}

/** Where a redirect URI leads, as people know places. */
function placeOf(redirectUri: string): string {
  const { protocol, host, hostname } = new URL(redirectUri)
  if (protocol === 'https:') return host
  const isLocal = protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)
  return isLocal ? `a program on this computer (${host})` : `the app that opens ${protocol}`
}

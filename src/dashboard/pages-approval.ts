/** One call that waits for a person: exactly what, with which arguments, for how much, and who asks. */
import type { Along } from '#accounts'
import type { AuditLog } from '#audit'
import { audited } from './audited.js'
import { html } from './html.js'
import { sendPage, sendTo } from './page.js'
import { fieldIn, type PageRoute } from './page-route.js'
import { askToSignIn } from './pages-sign-in.js'
import type { Visit } from './visit.js'

export type Approval = {
  id: string
  state: 'open' | 'approved' | 'declined' | 'used' | 'expired'
  endpointId: string
  title: string
  /** As they were sent. */
  arguments: unknown
  /** The most that the call may cost, decimal USDC, fee included. */
  total: string
  /** The key that asks, or the program that a person let in. */
  keyName: string
  /** RFC 3339. */
  expiresAt: string
}

/** Calls that wait for an account's person. Another account's are `not_found`, as what never was. */
export type Approvals = {
  open(accountId: string): Promise<readonly Approval[]>
  show(accountId: string, id: string): Promise<Approval>
  decide(
    accountId: string,
    id: string,
    decision: { verdict: 'approve' | 'decline'; personId: string; along: Along },
  ): Promise<void>
}

export type ApprovalDeps = { approvals: Approvals; audit: Pick<AuditLog, 'record'> }

const PAGE = /^\/approvals\/(\w{1,64})$/

const STATES: Readonly<Record<Approval['state'], string>> = {
  open: 'It waits for you.',
  approved: 'You approved it. The program may send it again now.',
  declined: 'You declined it.',
  used: 'You approved it, and it was made.',
  expired: 'It is too late for it.',
}

export const approvalPages: readonly PageRoute<ApprovalDeps>[] = [
  {
    method: 'GET',
    path: PAGE,
    async run(deps, visit, [id]) {
      if (!visit.person) askToSignIn(visit)
      else showApproval(visit, await deps.approvals.show(visit.person.accountId, id!))
    },
  },
  {
    method: 'POST',
    path: PAGE,
    async run(deps, visit, [id]) {
      const form = await visit.form()
      if (!visit.person) {
        askToSignIn(visit)
        return
      }
      const { accountId, id: personId } = visit.person
      const verdict = fieldIn(form, 'decision') === 'approve' ? 'approve' : 'decline'
      const along = audited(deps, visit.person, 'approval.decide', { verdict })
      await deps.approvals.decide(accountId, id!, { verdict, personId, along })
      sendTo(visit.res, visit.path)
    },
  },
]

function showApproval(visit: Visit, approval: Approval): void {
  const { title, endpointId, total, keyName, expiresAt, state } = approval
  sendPage(visit.res, {
    title: state === 'open' ? 'Approve this call?' : 'A call',
    content: html`<p>${STATES[state]}</p>
<dl>
<dt>What</dt><dd>${title} (${endpointId})</dd>
<dt>For</dt><dd>at most ${total} USDC, fee included</dd>
<dt>Asked by</dt><dd>${keyName}</dd>
<dt>Until</dt><dd>${expiresAt}</dd>
</dl>
<h2>With these arguments</h2>
<pre>${JSON.stringify(approval.arguments, null, 2)}</pre>
${
  state === 'open' &&
  html`<form method="post">
${visit.formToken()}
<button class="first" name="decision" value="approve">Approve</button>
<button name="decision" value="decline">Decline</button>
</form>`
}
<p><a href="/account">Your account</a></p>`,
  })
}

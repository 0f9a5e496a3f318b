/**
 * The stage at which a person must have agreed: where the endpoint's seller asks for it, or a limit of
 * the buyer's own. The person is asked in the client where that can be done, else led to a page.
 */
import { type Principal, spendersOf } from '#accounts'
import { APPROVAL_LIFE_MS, type Approval, type Approvals, type Wish } from '#approvals'
import type { Offer } from '#catalogue'
import { toRfc3339 } from '#core/clock'
import { formatUsdc } from '#core/money'
import { Problem } from '#core/problem'
import type { Order, Quote, ShapedRequest } from './call.js'
import { promiseQuote, type QuoteDeps } from './quotes.js'

export type ApprovalDeps = QuoteDeps & {
  approvals: Pick<Approvals, 'ask' | 'ofQuote' | 'pending' | 'settle'>
  /** Where this gateway is reached, for the page. */
  publicUrl: string
}

type Terms = { order: Order; offer: Offer; request: ShapedRequest; quote: Quote }

/** What a call may go through with. */
export type Agreed = {
  /** Its own quote where nobody has to be asked. */
  quote: Quote
  /** Whether a person said so just now, which may have taken minutes. */
  wasAsked: boolean
}

/** @throws Problem `approval_required` with the address of the page, `forbidden` when it was declined. */
export async function agreed(deps: ApprovalDeps, terms: Terms): Promise<Agreed> {
  const { order, offer, quote } = terms
  const reason = reasonToAsk(order.principal, offer, quote)
  if (reason === undefined) return { quote, wasAsked: false }
  const approval = await approvalFor(deps, terms, reason)
  const withIts = { ...quote, id: approval.quoteId }
  if (approval.state === 'approved') return { quote: withIts, wasAsked: false }
  if (approval.state === 'declined') throw declined(offer)
  const { arguments: args } = order
  const { id, maxTotal } = approval
  const ask = isAskedOnPage(order.principal) ? undefined : order.ask
  const answer = await ask?.({ id, title: approval.title, maxTotal, arguments: args })
  if (answer === undefined) throw approvalRequired(deps, offer, approval)
  await deps.approvals.settle(id, answer ? 'approved' : 'declined')
  if (answer) return { quote: withIts, wasAsked: true }
  throw declined(offer)
}

function reasonToAsk(principal: Principal, offer: Offer, quote: Quote): Wish['reason'] | undefined {
  if (offer.definition.requires_approval) return 'endpoint'
  const isAbove = spendersOf(principal).some(
    ({ limits }) => limits.approve_above !== undefined && quote.maxTotal > limits.approve_above,
  )
  return isAbove ? 'limit' : undefined
}

/** Whether only a page will do, where no program can answer for a person. */
function isAskedOnPage(principal: Principal): boolean {
  return spendersOf(principal).some(({ limits }) => limits.approve_on === 'page')
}

/** That of the quote, or of the same call when it was asked for before; else a new one. */
async function approvalFor(
  deps: ApprovalDeps,
  { order, offer, request, quote }: Terms,
  reason: Wish['reason'],
): Promise<Approval> {
  const { account, key } = order.principal
  const known =
    (quote.id && (await deps.approvals.ofQuote(account.id, quote.id))) ??
    (await deps.approvals.pending(account.id, request.hash))
  if (known) return known
  // Of its own, also where the call came with one: a person takes longer than that would last.
  const promised = await promiseQuote(deps, order.principal, offer, request, APPROVAL_LIFE_MS)
  return deps.approvals.ask({
    accountId: account.id,
    keyId: key.id,
    quoteId: promised.quote_id,
    endpointId: offer.endpointId,
    title: offer.definition.title,
    requestHash: request.hash,
    arguments: order.arguments,
    maxTotal: quote.maxTotal,
    reason,
  })
}

function approvalRequired({ publicUrl }: ApprovalDeps, offer: Offer, approval: Approval): Problem {
  const approval_url = `${publicUrl}/approvals/${approval.id}`
  const total = formatUsdc(approval.maxTotal)
  return new Problem(
    'approval_required',
    `A person has to approve this call of ${offer.endpointId} for at most ${total} USDC.`,
    {
      action: `Have the account's owner open ${approval_url}; when it is approved, send the same call again with quote_id "${approval.quoteId}".`,
      facts: {
        approval_url,
        approval_id: approval.id,
        quote_id: approval.quoteId,
        expires_at: toRfc3339(approval.expiresAtMs),
      },
    },
  )
}

function declined({ endpointId }: Offer): Problem {
  return new Problem('forbidden', `The account's owner declined this call of ${endpointId}.`, {
    action: 'Do not send it again unless the owner asks for it.',
  })
}

/**
 * The paid call. Each stage takes what the last one gave; `forward` without a live hold does not
 * compile. After the hold a call ends exactly once: captured, released, or reaped.
 */
import { type Accounts, type Parties, requireScope } from '#accounts'
import type { Catalogue } from '#catalogue'
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import type { Receipts } from '#receipts'
import type { Store } from '#store'
import type { Telemetry } from '#telemetry'
import type { Answer } from '#upstreams'
import { ancestryOf } from './ancestry.js'
import { type ApprovalDeps, agreed } from './approval.js'
import type { OpenCall, Order, Outcome, Quote, Sealer } from './call.js'
import { abandon, conclude } from './conclude.js'
import { type Backends, forward } from './forward.js'
import { hold } from './hold.js'
import { judge } from './judge.js'
import { asPromised } from './promised.js'
import { promisedQuote, quoteFor } from './quotes.js'
import { type Running, recall } from './recall.js'
import { shape } from './shape.js'
import type { Slots } from './slots.js'

export { attributionIn } from './attribution.js'
export type { Dispatch, Order, Outcome, Progress, Question } from './call.js'
export { checkCalls } from './check-calls.js'
export type { Backends, Sending } from './forward.js'
export { bodyOf, findCall, pastOutcome } from './past.js'
export { priceOf } from './price-of.js'
export { purge } from './purge.js'
export { reap } from './reap.js'
export { hasRoom } from './room.js'
export { outcomeProblem, showOutcome } from './show-outcome.js'
export { createSlots } from './slots.js'
export { spentOn } from './spent.js'
export { balanceOf, usage } from './usage.js'
export {
  balanceSchema,
  callSchema,
  outcomeSchema,
  priceQuerySchema,
  priceSchema,
  usageResultSchema,
  usageSchema,
} from './wire.js'
export { createWriteProof } from './write-proof.js'

export type CallDeps = Backends &
  ApprovalDeps & {
    store: Store
    accounts: Parties & Pick<Accounts, 'renew'>
    catalogue: Pick<Catalogue, 'offer' | 'validate' | 'validateAnswer' | 'observe' | 'learn'>
    ledger: Ledger
    receipts: Receipts
    sealer: Sealer
    telemetry: Telemetry
    clock: { now(): number }
    slots: Slots
    running: Running
    holdLifeMs: number
  }

/**
 * Buys one answer: at most `quote.maxTotal` leaves the buyer, and only for a delivered answer.
 *
 * @throws Problem for everything that is refused before dispatch; nothing is charged then.
 */
export async function call(deps: CallDeps, order: Order): Promise<Outcome> {
  const leave = admit(deps, order)
  try {
    const replay = await recall(deps, order)
    if (replay) return replay
    const callId = newId('call', deps.clock.now())
    const running = buy(deps, order, callId)
    deps.running.set(callId, running)
    return await running.finally(() => deps.running.delete(callId))
  } finally {
    leave()
  }
}

async function buy(deps: CallDeps, order: Order, callId: Id<'call'>): Promise<Outcome> {
  const receivedAt = performance.now()
  const { offer, promised } = await resolve(deps, order)
  const request = shape(deps, offer, order)
  const ancestry = ancestryOf(deps.traceKey, order.trace, offer.endpointId)
  const most = quoteFor(offer, request, order, promised)
  const { quote, wasAsked } = await agreed(deps, { order, offer, request, quote: most })
  if (wasAsked) return buy(deps, await afresh(deps, order, quote), callId)
  const terms = { callId, nowMs: deps.clock.now(), order, offer, request, quote, ancestry }
  const held = await hold(deps, terms)
  if (!held) return recallRival(deps, order)
  if (order.isGone?.()) return abandon(deps, held, 'The client gave it up before it was sent.')
  const answer = await forward(deps, { offer, request, held, order, ancestry })
  const verdict = asPromised(deps, { offer, answer, verdict: judge(offer, answer) })
  const outcome = await conclude(deps, held, offer, answer, verdict)
  const isDelivered = verdict.delivered
  await report(deps, { call: held.call, outcome, answer, receivedAt, isDelivered })
  const { version, latestVersion } = offer
  return version < latestVersion ? { ...outcome, latestVersion } : outcome
}

/** Who asks, and whether there is room. The function it gives back frees the room. */
function admit({ slots }: CallDeps, { principal }: Order): () => void {
  requireScope(principal, 'call')
  return slots.enter(principal.key.id)
}

/** The outcome of the call that took the same idempotency key in the same moment. */
async function recallRival(deps: CallDeps, order: Order): Promise<Outcome> {
  const replay = await recall(deps, order)
  if (replay) return replay
  // It was given up before it was sent, and the key is free again.
  throw new Problem('in_progress', 'Another call with this idempotency key was just given up.')
}

/** Which endpoint, at which version: that of the quote, the one named, or the latest. */
async function resolve(deps: CallDeps, order: Order) {
  const promised = await promisedQuote(deps, order)
  const offer = await deps.catalogue.offer(
    order.endpointId,
    promised?.version ?? order.version,
    order.principal,
  )
  return { offer, promised }
}

/** The order with the quote that was agreed to, and whoever may still buy: it is all looked at anew. */
async function afresh({ accounts }: CallDeps, order: Order, quote: Quote): Promise<Order> {
  const principal = await accounts.renew(order.principal)
  requireScope(principal, 'call')
  return { ...order, principal, quoteId: quote.id }
}

type Ended = {
  call: OpenCall
  outcome: Outcome
  answer: Answer
  isDelivered: boolean
  receivedAt: number
}

async function report(
  { accounts, catalogue, telemetry, clock }: CallDeps,
  { call: { keyId, buyerId, sellerId }, outcome, answer, isDelivered, receivedAt }: Ended,
): Promise<void> {
  const { endpointId } = outcome
  // What sellers buy of themselves neither raises nor lowers what is known of them.
  const isMistake = !isDelivered && isBuyersMistake(answer)
  // The call is concluded: that nobody knows who they are only leaves it out.
  const ofParties = Promise.all([buyerId, sellerId].map(accounts.partyOf))
  const [buyer, seller] = await ofParties.catch(() => [sellerId, sellerId])
  if (!isMistake && buyer !== seller) {
    const { latencyMs } = answer
    const atMs = clock.now()
    // What only broke the success rule may be an answer to arguments that nobody could use.
    const isArguable = !isDelivered && answer.kind === 'answered' && answer.status < 500
    catalogue.observe({
      endpointId,
      buyerId: buyer!,
      delivered: isDelivered,
      latencyMs,
      atMs,
      isArguable,
    })
    catalogue.learn({
      keyId,
      buyerId: buyer!,
      sellerId,
      endpointId,
      outcome: outcome.outcome,
      charge: outcome.charge,
      fee: outcome.fee,
    })
  }
  telemetry.callEnded({
    callId: outcome.callId,
    endpointId,
    outcome: outcome.outcome,
    status: outcome.status,
    code: outcome.fault?.code,
    upstreamMs: answer.latencyMs,
    ownMs: performance.now() - receivedAt - answer.latencyMs,
  })
}

/** A 4xx says that the upstream is up; it does not count against it, nor for it. */
function isBuyersMistake(answer: Answer): boolean {
  return answer.kind === 'answered' && answer.status >= 400 && answer.status < 500
}

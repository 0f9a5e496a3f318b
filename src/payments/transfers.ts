/** Money that stays in the house: between an account and one below it, from earned to spendable. */
import { type Account, type Principal, payerOf, refuseSuspended } from '#accounts'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import type { Clock } from '#core/clock'
import { ID_PREFIX, newId } from '#core/ids'
import { formatUsdc, type Nanos } from '#core/money'
import { Problem } from '#core/problem'
import { available, earned, entryReader, type Ledger } from '#ledger'
import type { Store } from '#store'
import type { Beside } from './payments.js'

type Deps = { ledger: Ledger; store: Pick<Store, 'query'>; clock: Clock }

/** Whose money goes where. */
type Move = { source: 'spending' | 'earnings'; from: string; to: string; amount: Nanos }

type Terms = {
  /** More than zero. */
  amount: Nanos
  idempotencyKey?: string | undefined
  beside?: Beside | undefined
}

type Transferred = {
  id: string
  amount: string
  /** What the account that was paid can spend now. */
  balance: string
}

/**
 * Moves money between an account and a sub-account that has a balance of its own, or takes over what
 * any sub-account earned: one that is closed has no key to do so itself.
 *
 * @throws Problem `insufficient_balance`, `invalid_request`, `idempotency_conflict`,
 *   `account_suspended`.
 */
export function transferToSubAccount(
  deps: Deps,
  principal: Principal,
  sub: Account,
  terms: Terms & {
    direction: 'to_sub_account' | 'to_parent'
    source?: Move['source'] | undefined
  },
): Promise<Transferred> {
  // What a suspended account has stays where it is, also when the account above asks.
  refuseSuspended({ account: sub, parent: principal.account })
  const [above, below] = [principal.account.id, sub.id]
  const { amount, direction, source = 'spending' } = terms
  if (source === 'earnings') {
    if (direction === 'to_parent') {
      return move(deps, principal, { source, from: below, to: above, amount }, terms)
    }
    throw new Problem('invalid_request', 'Earnings go up only: send direction "to_parent".')
  }
  if (sub.balance === 'parent') {
    throw new Problem('invalid_request', "This sub-account spends its parent's money already.", {
      action: 'Give it limits instead, or make a sub-account with balance "own".',
    })
  }
  const isDown = direction === 'to_sub_account'
  const way = isDown ? { from: above, to: below } : { from: below, to: above }
  return move(deps, principal, { source, ...way, amount }, terms)
}

/**
 * Makes what an account earned by selling spendable, by itself or, where that one pays for it, by the
 * account above.
 *
 * @throws Problem as {@link transferToSubAccount}.
 */
export function transferEarnings(
  deps: Deps,
  principal: Principal,
  terms: Terms,
): Promise<Transferred> {
  refuseSuspended(principal)
  const way = { from: principal.account.id, to: payerOf(principal) }
  return move(deps, principal, { source: 'earnings', ...way, amount: terms.amount }, terms)
}

async function move(
  deps: Deps,
  { key }: Principal,
  way: Move,
  { idempotencyKey, beside }: Terms,
): Promise<Transferred> {
  if (way.amount === 0n) throw new Problem('invalid_request', 'amount must be more than 0.')
  const atMs = deps.clock.now()
  const reference =
    idempotencyKey === undefined ? newId('transfer', atMs) : referenceOf(key.id, idempotencyKey)
  const outcome = await deps.ledger.commit({
    commands: [{ kind: 'transfer', reference, ...way, atMs }],
    rows: beside ? [beside(reference)] : [],
  })
  if (outcome.accepted) return show(reference, way, outcome.results[0]!.available)
  const { refusal } = outcome
  if (refusal.reason === 'insufficient') {
    const [there, required] = [formatUsdc(refusal.available), formatUsdc(way.amount)]
    throw new Problem('insufficient_balance', `There are ${there} USDC to move, not ${required}.`, {
      action: 'Move at most what is available.',
      facts: { available: there, required },
    })
  }
  if (refusal.reason !== 'repeated') {
    throw new Error(`a transfer cannot be refused as ${refusal.reason}`)
  }
  await requireSame(deps, reference, way)
  return show(reference, way, (await deps.ledger.balanceOf(way.to)).available)
}

/** The same for the same key of an API key, so that the ledger itself refuses a second one. */
function referenceOf(keyId: string, idempotencyKey: string): string {
  const name = sha256Hex(canonicalJson([keyId, idempotencyKey])).slice(0, 32)
  return `${ID_PREFIX.transfer}_${name}`
}

/** @throws Problem `idempotency_conflict` unless the entry that is there moved the same. */
async function requireSame({ store }: Deps, reference: string, way: Move): Promise<void> {
  const entries = entryReader({ all: (sql, values = []) => store.query(sql, values) })
  const [posting] = (await entries.postingsOf([reference])).get(reference) ?? []
  const from = way.source === 'earnings' ? earned(way.from) : available(way.from)
  const isSame =
    posting?.from === from && posting.to === available(way.to) && posting.amount === way.amount
  if (isSame) return
  throw new Problem('idempotency_conflict', 'This key was used for another transfer.', {
    action: 'Use a new idempotency_key, or repeat the first transfer exactly.',
    facts: { transfer_id: reference },
  })
}

function show(reference: string, { amount }: Move, balance: Nanos): Transferred {
  return { id: reference, amount: formatUsdc(amount), balance: formatUsdc(balance) }
}

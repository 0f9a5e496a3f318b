/** Units of work as the ledger's tests write them, and rows of a table that every database has. */
import { type Nanos, nanos, parseUsdc } from '#core/money'
import type { Command, Counter, CounterKind, Ledger, Unit, UnitOutcome } from '#ledger'
import { defineInsert, defineTake, type Store } from '#store'

/** A ledger, and the database that it stands on. */
export type LedgerUnderTest = { ledger: Ledger; store: Store; close(): Promise<void> }

export const AT_MS = Date.UTC(2026, 0, 15, 12)
export const SELLER = 'acct_seller'

let references = 0

/** A reference that no other command of this process has. */
export function aReference(): string {
  return `ref_${++references}`
}

export function usdc(text: string): Nanos {
  return parseUsdc(text)
}

export function grantOf(account: string, amount: Nanos, reference = aReference()): Command {
  return { kind: 'grant', reference, account, amount, memo: 'a test', atMs: AT_MS }
}

export function holdOf(
  account: string,
  amount: Nanos,
  changes: { reference?: string; counters?: readonly Counter[]; deadlineMs?: number } = {},
): Command & { kind: 'hold' } {
  return {
    kind: 'hold',
    reference: changes.reference ?? aReference(),
    account,
    amount,
    counters: changes.counters ?? [],
    deadlineMs: changes.deadlineMs ?? AT_MS + 40_000,
    atMs: AT_MS,
  }
}

export function captureOf(reference: string, charge: Nanos, fee: Nanos = nanos(0n)): Command {
  return { kind: 'capture', reference, seller: SELLER, charge, fee, atMs: AT_MS }
}

export function releaseOf(reference: string): Command {
  return { kind: 'release', reference, atMs: AT_MS }
}

export function transferOf(
  from: string,
  to: string,
  amount: Nanos,
  changes: { source?: 'spending' | 'earnings'; reference?: string } = {},
): Command {
  const { source = 'spending', reference = aReference() } = changes
  return { kind: 'transfer', reference, source, from, to, amount, atMs: AT_MS }
}

export function counterOf(
  scope: string,
  kind: CounterKind,
  amount: bigint,
  ceiling: bigint,
): Counter {
  return { scope, window: 'day:2026-01-15', kind, amount, ceiling, endsAtMs: AT_MS + 43_200_000 }
}

/** A unit of these commands and nothing else. */
export function unitOf(...commands: Command[]): Unit {
  return { commands }
}

/** `accepted`, or why not. */
export function verdictOf(outcome: UnitOutcome): string {
  return outcome.accepted ? 'accepted' : outcome.refusal.reason
}

/** An account that has `credit`. */
export async function aBuyer(ledger: Ledger, credit: Nanos): Promise<string> {
  const account = `acct_${++references}`
  await ledger.commit(unitOf(grantOf(account, credit)))
  return account
}

const insertSetting = defineInsert('settings', { name: 'text', value: 'text' })
const takeSetting = defineTake(
  'settings',
  { name: 'text', value: 'text' },
  { key: ['name'], isOver: () => '1 = 0', refusal: 'taken' },
)

/** A row that fails when its name is taken. */
export function aRow(name: string, value = '') {
  return insertSetting([name, value])
}

/** A row that refuses its unit, as `taken`, when its name is. */
export function aClaim(name: string) {
  return takeSetting([name, ''])
}

export async function rowExists(store: Store, name: string): Promise<boolean> {
  return (await store.query('select name from settings where name = ?', [name])).length === 1
}

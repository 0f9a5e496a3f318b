/**
 * The ledger's tables inside one transaction, as commands see them: what an earlier command of the
 * batch did is there already. Each database has its own way of reading and writing them; what the
 * commands do to them is said once, in `entries.ts`.
 */
import type { Command, Counter, Posting } from './ledger.js'

/** `counters` are those that the hold was counted on, as JSON, so that they can be given back. */
export type HoldRow = { reference: string; account: string; amount: bigint; counters: string }

export type Entry = Posting & {
  reference: string
  kind: Command['kind']
  position: number
  atMs: number
  memo: string | null
}

export type Books = {
  /** Nano-USDC; nothing where nobody was ever paid. */
  balance(address: string): bigint
  /** Adds to a balance, unless it would fall below zero where it may not; then `false`. */
  move(address: string, delta: bigint): boolean
  /** `false` when there is a posting of this kind, reference and position. */
  post(entry: Entry): boolean
  /** `false` when a hold of this reference is open. Its life is from `atMs` to `deadlineMs`. */
  openHold(hold: HoldRow, life: { atMs: number; deadlineMs: number }): boolean
  /** Takes the open hold away: of all who try, one gets it. */
  closeHold(reference: string): HoldRow | undefined
  /** How a hold that moved money was ended. */
  endingOf(reference: string): 'capture' | 'release' | undefined
  /** Adds to a counter, unless it would push past its ceiling; then `false`. */
  count(counter: Counter): boolean
  used(scope: string, window: string): bigint
  /** Takes from a counter, down to nothing. */
  uncount(scope: string, window: string, back: bigint): void
}

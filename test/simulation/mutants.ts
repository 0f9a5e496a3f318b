/** Bugs that people make, planted on purpose: a simulator that does not find them proves nothing. */
import type { Command, Ledger, Unit, UnitOutcome } from '#ledger'

export type Mutant = {
  name: string
  /** A ledger that does it wrong, over one that does it right. */
  ledger?(right: Ledger): Ledger
  /** Holds with an earlier deadline are taken for dead by the job that reaps. */
  reapsBefore?(nowMs: number): number
}

type Hold = Extract<Command, { kind: 'hold' }>

/** Takes the money of a call although its hold is gone, as an update without `where` does. */
const captureWithoutCompareAndSet: Mutant = {
  name: 'a capture does not look whether the hold is still open',
  ledger(right) {
    const holds = new Map<string, Hold>()
    return committing(right, async (unit) => {
      const [command] = unit.commands
      if (command?.kind === 'hold') holds.set(command.reference, command)
      const outcome = await right.commit(unit)
      const hold = command?.kind === 'capture' ? holds.get(command.reference) : undefined
      if (outcome.accepted || !hold || command?.kind !== 'capture') return outcome
      const reference = `${hold.reference}-again`
      const retaken = { ...hold, reference, counters: [] }
      return right.commit({ commands: [retaken, { ...command, reference }], entry: unit.entry })
    })
  },
}

/** Reads what is spent, compares, and then holds: two calls at once both see room for one. */
const limitBeforeTheTransaction: Mutant = {
  name: 'a limit is checked before the transaction of the hold',
  ledger: (right) =>
    committing(right, async (unit) => {
      const [command] = unit.commands
      if (command?.kind !== 'hold') return right.commit(unit)
      const used = await right.usedOf(command.counters)
      const at = command.counters.findIndex(
        ({ amount, ceiling }, i) => (used[i] ?? 0n) + amount > ceiling,
      )
      const counter = command.counters[at]
      if (counter) {
        return { accepted: false, refusal: { reason: 'counter', counter, used: used[at]! } }
      }
      const counters = command.counters.map((each) => ({ ...each, ceiling: 10n ** 18n }))
      return right.commit({ ...unit, commands: [{ ...command, counters }] })
    }),
}

/** Moves the money, then writes the call and its receipt: a crash in between leaves the one alone. */
const receiptAfterTheMoney: Mutant = {
  name: 'the receipt is written after the money has moved',
  ledger: (right) =>
    committing(right, async (unit) => {
      if (unit.commands[0]?.kind !== 'capture') return right.commit(unit)
      const moved = await right.commit({ commands: unit.commands })
      if (!moved.accepted) return moved
      const written = await right.commit({ ...unit, commands: [] })
      return written.accepted ? { ...written, results: moved.results } : written
    }),
}

/** Trusts the look-up before the call to have found each duplicate. */
const keyLookedUpOnly: Mutant = {
  name: 'an idempotency key is looked up, but not claimed with the hold',
  ledger: (right) =>
    committing(right, async (unit) => {
      const outcome = await right.commit(unit)
      if (outcome.accepted || outcome.refusal.reason !== 'row') return outcome
      const isKey = outcome.refusal.name === 'idempotency-key'
      return isKey ? right.commit({ ...unit, rows: unit.rows!.filter(isNoKey) }) : outcome
    }),
}

/** Takes every open hold for one that a dead gateway left behind, as only a start alone may. */
const hastyReap: Mutant = {
  name: 'holds are reaped before their deadline',
  reapsBefore: () => Number.POSITIVE_INFINITY,
}

export const mutants: readonly Mutant[] = [
  captureWithoutCompareAndSet,
  limitBeforeTheTransaction,
  receiptAfterTheMoney,
  keyLookedUpOnly,
  hastyReap,
]

function committing(right: Ledger, commit: (unit: Unit) => Promise<UnitOutcome>): Ledger {
  return { ...right, commit }
}

function isNoKey({ write }: NonNullable<Unit['rows']>[number]): boolean {
  return write.claim?.refusal !== 'idempotency-key'
}

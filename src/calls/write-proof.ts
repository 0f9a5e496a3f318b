/** Proof that the database still takes writes, for those who ask whether calls are taken. */
import type { Clock } from '#core/clock'
import { type Store, writeSetting } from '#store'

/** Everybody may ask, so that one proof serves all who ask within this time. */
const LIFE_MS = 1_000

/** A function that resolves when a write was durable, and rejects with what the database said. */
export function createWriteProof({ store, clock }: { store: Store; clock: Clock }) {
  let latest: { atMs: number; proof: Promise<void> } | undefined
  return (): Promise<void> => {
    const nowMs = clock.now()
    const ageMs = latest === undefined ? LIFE_MS : Math.abs(nowMs - latest.atMs)
    if (latest === undefined || ageMs >= LIFE_MS) latest = { atMs: nowMs, proof: write(nowMs) }
    return latest.proof
  }

  function write(nowMs: number): Promise<void> {
    return store.inTransaction((tx) => writeSetting(tx, 'written_at', String(nowMs)))
  }
}

/** Which era a server speaks, remembered for a day so that it is asked once. */
import type { Clock } from '#core/clock'
import type { Era } from './line.js'

export type Verdicts = {
  of(fingerprint: string): Era | undefined
  learn(fingerprint: string, era: Era): void
  forget(fingerprint: string): void
}

const KEPT_MS = 24 * 60 * 60 * 1000
const MAX_VERDICTS = 1000

/** Fingerprints hold URL and credential: what one credential is shown says nothing of another. */
export function createVerdicts(clock: Clock): Verdicts {
  const known = new Map<string, { era: Era; untilMs: number }>()
  return {
    of(fingerprint) {
      const verdict = known.get(fingerprint)
      return verdict && verdict.untilMs > clock.now() ? verdict.era : undefined
    },
    learn(fingerprint, era) {
      known.delete(fingerprint)
      const [oldest] = known.keys()
      if (known.size >= MAX_VERDICTS && oldest !== undefined) known.delete(oldest)
      known.set(fingerprint, { era, untilMs: clock.now() + KEPT_MS })
    },
    forget: (fingerprint) => void known.delete(fingerprint),
  }
}

/** Moments at which a fault strikes: chance decides what must have happened before, and how often. */
import type { Lots } from './lots.js'

/** What is counted until a fault strikes, in the order in which a call passes through. */
const HAPPENINGS = ['asked', 'arrived', 'delivered', 'answered'] as const
type Happening = (typeof HAPPENINGS)[number]

export type Moments = {
  /** To be told of everything that happens. */
  happened(happening: Happening): void
  /** Strikes once something has happened so many times from now on, at once or a little later. */
  strike(round: number, fault: () => void): { isDue(): boolean }
}

export function momentsOf(lots: Lots): Moments {
  let watch: Moments['happened'] = () => {}

  return {
    happened: (happening) => watch(happening),
    strike(round, fault) {
      const awaited = HAPPENINGS[lots.between(0, HAPPENINGS.length - 1, 'happening', round)]
      const delayMs = Math.max(0, lots.between(-20, 20, 'delay', round))
      let left = lots.between(10, 150, 'count', round)
      let isDue = false
      const strike = () => {
        isDue = true
        fault()
      }
      watch = (happening) => {
        if (happening !== awaited || --left !== 0) return
        if (delayMs === 0) strike()
        else setTimeout(strike, delayMs)
      }
      return { isDue: () => isDue }
    },
  }
}

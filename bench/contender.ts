/** Something that is measured: how it is asked, and the processes whose CPU time it costs. */
import type { Target } from './load.js'
import type { Home } from './settings.js'

export type Contender = {
  /** What `ONLY` names it by. */
  name: string
  /** Of Souk: where its state lives, and how many buyers it is asked for. */
  souk?: { home: Home; buyers: number } | undefined
  /** What they started counts, too. */
  pids: number[]
  /** What they ask for each call and what is counted by itself: the database, a facilitator. */
  serverPid?: number | undefined
  target: Target
}

/** The one that all others are compared with. */
export const DIRECT = 'direct'

export function labelOf({ name, souk }: Pick<Contender, 'name' | 'souk'>): string {
  if (!souk) return name
  return `${name}, ${souk.home}, ${souk.buyers} ${souk.buyers === 1 ? 'buyer' : 'buyers'}`
}

/** Something that is measured: how it is asked, and the process whose CPU time it costs. */
import type { Target } from './load.js'

export type Contender = { name: string; pid: number; target: Target }

/** The one that all others are compared with. */
export const DIRECT = 'direct'

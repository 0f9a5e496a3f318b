/** What a process that holds one engine is told, and what it answers. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Ablated } from './discovery-ablated.js'
import { type Asked, ask } from './discovery-asking.js'
import type { Contender, EngineName } from './discovery-contender.js'
import { type Files, readQueries, sampleOf } from './discovery-rows.js'

export type Order = {
  engine: EngineName
  files: Files
  /** A folder for its files. */
  folder: string
  /** How many queries of each set it is asked at most. */
  sample: number
  /** Souk is asked again with each. */
  ablations: Ablated[]
}

export type Measured = Asked & {
  engine: EngineName
  documents: number
  /** From rows, or for Souk from its stored catalogue, to an index that answers. */
  indexMs: number
  indexBytes?: number
  /** Resident memory of the process with the index and without the rows. */
  memoryBytes: number
  souk?: SoukMeasured
}

export type SoukMeasured = Loaded & {
  databaseBytes: number
  ablations: ({ name: string; indexMs: number } & Asked)[]
}

export type Loaded = {
  endpoints: number
  loadMs: number
  /** Why rows did not become endpoints, and how many for each reason. */
  refusals: Record<string, number>
}

/** Asks what the order says. */
export function askOrdered(contender: Pick<Contender, 'find'>, order: Order): Promise<Asked> {
  return ask(contender, sampleOf(readQueries(order.files), order.sample))
}

/** Answers the order that the parent sends, and ends. */
export function serveOrder(measure: (order: Order) => Promise<Measured>): void {
  process.once('message', async (order: Order) => {
    process.send!(await measure(order), () => process.exit())
  })
  process.once('disconnect', () => process.exit())
}

/** What is left after a thorough collection. */
export function residentBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage.rss()
}

/** What the benchmark of the search is asked to do, from the command line. */
import { accessSync, constants } from 'node:fs'
import { parseArgs } from 'node:util'
import { ENGINES, type EngineName } from './discovery-contender.js'
import { type Files, UsageFault } from './discovery-rows.js'

export type Options = {
  files: Files
  engines: EngineName[]
  /** A file that gets the answers of the first engine, a line of JSON for each query. */
  run: string | undefined
  isJson: boolean
  withAblations: boolean
  /** How many queries of each set are asked at most. */
  sample: number
}

export const USAGE =
  'npm run bench:discovery -- --catalogue FILE --queries FILE [--corpus FILE] [--aliases FILE] ' +
  `[--engines ${ENGINES.join(',')}] [--run OUT.jsonl] [--sample N] [--ablations] [--json]`

/** @throws UsageFault */
export function readOptions(args: string[]): Options {
  const { catalogue, corpus, queries, aliases, engines, run, sample, json, ablations } =
    valuesOf(args)
  if (catalogue === undefined || queries === undefined) {
    throw new UsageFault(`--catalogue and --queries are needed: ${USAGE}`)
  }
  for (const file of [catalogue, corpus, queries, aliases]) {
    if (file !== undefined) requireFile(file)
  }
  return {
    files: { catalogue, corpus, queries, aliases },
    engines: engines === undefined ? [...ENGINES] : engines.split(',').map(engineOf),
    run,
    isJson: json === true,
    withAblations: ablations === true,
    sample: sample === undefined ? Number.MAX_SAFE_INTEGER : countOf(sample),
  }
}

function valuesOf(args: string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = {
    ...{ catalogue: text, corpus: text, queries: text, aliases: text, engines: text, run: text },
    ...{ sample: text, json: flag, ablations: flag },
  }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    const [what] = (error as Error).message.split('. ')
    throw new UsageFault(`${what}: ${USAGE}`)
  }
}

function requireFile(file: string): void {
  try {
    accessSync(file, constants.R_OK)
  } catch {
    throw new UsageFault(`There is no file ${file} that can be read.`)
  }
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new UsageFault(`--sample is a number of queries, not "${text}".`)
}

function engineOf(text: string): EngineName {
  const engine = ENGINES.find((name) => name === text.trim())
  if (engine) return engine
  throw new UsageFault(`There is no engine "${text}"; there are ${ENGINES.join(', ')}.`)
}

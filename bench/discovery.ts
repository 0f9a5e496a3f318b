/**
 * `npm run bench:discovery`: how well, how fast and at what cost `browse_apis` finds the right
 * endpoint among very many, beside what it is compared with. `docs/discovery.md` says how it is run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareAblations } from './discovery-ablated.js'
import { ABLATIONS } from './discovery-ablations.js'
import { SLOW_ENGINES } from './discovery-contender.js'
import { measureGateway } from './discovery-gateway.js'
import type { Measured, Order } from './discovery-measured.js'
import { type Options, readOptions } from './discovery-options.js'
import { reportOf, SAMPLE } from './discovery-report.js'
import { readAliases, readQueries, readRows, sampleOf, UsageFault } from './discovery-rows.js'
import { tablesOf } from './discovery-tables.js'
import { forkFile, messageOf } from './processes.js'
import { machine } from './table.js'

/** Prints what was found; what cannot be used gets one line and exit code 2. */
export async function benchDiscovery(args: string[]): Promise<void> {
  try {
    await run(readOptions(args))
  } catch (error) {
    if (!(error instanceof UsageFault)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
}

async function run(options: Options): Promise<void> {
  const before = machine()
  const { files, engines, sample: each } = options
  const { rows, copies } = readRows(files)
  const queries = sampleOf(readQueries(files), each)
  const aliases = { ...copies, ...readAliases(files) }
  const folder = mkdtempSync(join(tmpdir(), 'souk-discovery-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const ablations = options.withAblations
    ? prepareAblations(ABLATIONS, join(folder, 'ablations'))
    : []
  const measured: Measured[] = []
  for (const engine of engines) {
    const sample = SLOW_ENGINES.includes(engine) ? Math.min(SAMPLE, each) : each
    measured.push(await measureAlone({ engine, files, sample, ablations }, folder))
  }
  const gateway = engines.includes('souk')
    ? await measureGateway(join(folder, 'souk'), sampleOf(queries, SAMPLE))
    : undefined
  if (options.run !== undefined) {
    const lines = measured[0]!.answers.map((answer) => `${JSON.stringify(answer)}\n`)
    writeFileSync(options.run, lines.join(''))
  }
  const report = reportOf({ rows, queries, aliases, measured, gateway })
  const taken = { at: new Date().toISOString(), machine: before }
  if (options.isJson) console.log(JSON.stringify({ ...taken, ...report }))
  else console.log(`${taken.at}\n${before}\n\n${tablesOf(report)}`)
}

async function measureAlone(given: Omit<Order, 'folder'>, parent: string): Promise<Measured> {
  const { engine } = given
  console.error(`${engine} …`)
  const folder = join(parent, engine)
  mkdirSync(folder)
  const isSouk = engine === 'souk'
  const child = forkFile(isSouk ? './discovery-souk-process.ts' : './discovery-process.ts')
  const answer = messageOf<Measured>(child)
  child.send({ ...given, folder } satisfies Order)
  return answer
}

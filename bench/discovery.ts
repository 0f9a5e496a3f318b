/**
 * `npm run bench:discovery`: how well, how fast and at what cost `browse_apis` finds the right
 * endpoint among very many, beside what it is compared with. `docs/discovery.md` says how it is run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EngineName, SLOW_ENGINES } from './discovery-contender.js'
import { measureGateway } from './discovery-gateway.js'
import type { Measured, Order } from './discovery-measured.js'
import { type Options, readOptions } from './discovery-options.js'
import { reportOf, SAMPLE } from './discovery-report.js'
import { readAliases, readQueries, readRows, sampleOf, UsageFault } from './discovery-rows.js'
import { tablesOf } from './discovery-tables.js'
import { endAllOnExit, forkFile, messageOf } from './processes.js'
import { machine } from './table.js'

endAllOnExit()
try {
  await run(readOptions(process.argv.slice(2)))
  process.exit()
} catch (error) {
  if (!(error instanceof UsageFault)) throw error
  console.error(error.message)
  process.exit(2)
}

async function run(options: Options): Promise<void> {
  const before = machine()
  const { files, engines } = options
  const { rows, copies } = readRows(files)
  const queries = readQueries(files)
  const aliases = { ...copies, ...readAliases(files) }
  const folder = mkdtempSync(join(tmpdir(), 'souk-discovery-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const measured: Measured[] = []
  for (const engine of engines) measured.push(await measureAlone(engine, options, folder))
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

async function measureAlone(
  engine: EngineName,
  { files, withAblations }: Options,
  folder: string,
): Promise<Measured> {
  console.error(`${engine} …`)
  const home = join(folder, engine)
  mkdirSync(home)
  const isSouk = engine === 'souk'
  const child = forkFile(isSouk ? './discovery-souk-process.ts' : './discovery-process.ts')
  const answer = messageOf<Measured>(child)
  const sample = SLOW_ENGINES.includes(engine) ? { sample: SAMPLE } : {}
  child.send({ engine, files, folder: home, ...sample, withAblations } satisfies Order)
  return answer
}

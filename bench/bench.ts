/**
 * What a paid call costs in time: the same echo asked directly, through the plainest proxy, bought
 * through each face of Souk and, where `PEERS` names their scripts, through other gateways. All in
 * one run and in turns, so that whatever else the machine does meets them alike. `settings.ts` says
 * what can be set.
 */
import { appendFileSync } from 'node:fs'
import { startBaselines } from './baselines.js'
import { type Contender, DIRECT } from './contender.js'
import { cpuMicros } from './cpu.js'
import { benchLedger } from './ledger.js'
import type { Job, Load } from './load.js'
import { startPeers } from './peers.js'
import { endAllOnExit, forkFile, messageOf } from './processes.js'
import { type Cell, machine, tables } from './report.js'
import { readSettings, type Settings } from './settings.js'
import { startSouk } from './souk.js'

const WARM_UP_SECONDS = 1

endAllOnExit()
if (process.argv[2] === 'ledger') await ledgerAlone()
else await bench(readSettings(process.env))
process.exit()

/** `npm run bench ledger`: nothing but hold and capture. */
async function ledgerAlone(): Promise<void> {
  const before = machine()
  const result = await benchLedger(readSettings({ CALLERS: '1,64,256', ...process.env }))
  console.log(`${new Date().toISOString()}\n${before}\n\n${result}`)
}

async function bench(settings: Settings): Promise<void> {
  const isWanted = (name: string) =>
    name === DIRECT || settings.only.length === 0 || settings.only.includes(name)
  const callers = Math.max(...settings.callers)
  const before = machine()
  say('Starting')
  const baselines = await startBaselines()
  const souk = await startSouk(baselines.upstream, { callers, profile: settings.profile })
  const peers = settings.peers
    ? await startPeers(settings.peers, baselines.upstream, isWanted)
    : { contenders: [], missing: [] }
  const contenders = [...baselines.contenders, ...souk.contenders, ...peers.contenders].filter(
    ({ name }) => isWanted(name),
  )

  refuseUnknown(settings.only, contenders)

  const measure = measurer()
  const warmUp: Cell[] = []
  for (const contender of contenders) {
    warmUp.push(await measure(contender, { round: 0, callers, seconds: WARM_UP_SECONDS }))
  }
  const cells = await allRounds(settings, contenders, measure)
  const bought = [...warmUp, ...cells].filter(({ contender }) =>
    souk.contenders.some(({ name }) => name === contender),
  )
  const verdict = await souk.audit(bought.reduce((sum, { calls }) => sum + calls, 0))
  await souk.end()

  console.log(`${new Date().toISOString()}\n${before}\n`)
  console.log(`${tables(cells)}\n`)
  console.log(
    `Rounds: ${settings.rounds}, in turns, ${settings.seconds} s a cell. Medians over the rounds; "added" is against \`${DIRECT}\` in the same round; CPU of the process and its children, for \`${DIRECT}\` the upstream's own.`,
  )
  console.log(`Souk: ${verdict}.`)
  for (const missing of peers.missing) console.log(`Not measured: ${missing}`)
  const faults = [...warmUp, ...cells].filter(({ bad }) => bad > 0)
  for (const { contender, bad, firstBad } of faults) {
    console.log(`${contender}: ${bad} bad answers, the first: ${firstBad}`)
  }
  if (faults.length > 0) process.exitCode = 1
}

function refuseUnknown(only: string[], contenders: Contender[]): void {
  for (const name of only) {
    if (contenders.some((contender) => contender.name === name)) continue
    throw new Error(`ONLY: ${name} is not there. Other gateways need PEERS, and to start.`)
  }
}

type Measure = (
  contender: Contender,
  how: { round: number; callers: number; seconds: number },
) => Promise<Cell>

function measurer(): Measure {
  const generator = forkFile('./load.ts')
  let firstNumber = 1
  return async ({ name, pid, target }, { round, callers, seconds }) => {
    const cpuBefore = cpuMicros(pid)
    const answer = messageOf<Load>(generator)
    generator.send({ target, callers, seconds, firstNumber } satisfies Job)
    const load = await answer
    const cpuAfter = cpuMicros(pid)
    firstNumber += load.calls
    const isKnown = cpuBefore !== undefined && cpuAfter !== undefined
    const perCall = isKnown ? (cpuAfter - cpuBefore) / load.calls : undefined
    return { contender: name, round, callers, ...load, cpuMicros: perCall }
  }
}

async function allRounds(
  { rounds, seconds, callers: counts, out }: Settings,
  contenders: Contender[],
  measure: Measure,
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (let round = 1; round <= rounds; round++) {
    say(`Round ${round} of ${rounds}: ${contenders.map(({ name }) => name).join(', ')}`)
    for (const callers of counts) {
      for (const contender of contenders) {
        const cell = await measure(contender, { round, callers, seconds })
        cells.push(cell)
        const line = { at: new Date().toISOString(), ...cell }
        if (out) appendFileSync(out, `${JSON.stringify(line)}\n`)
      }
    }
  }
  return cells
}

function say(line: string): void {
  console.error(line)
}

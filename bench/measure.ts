/** Puts a contender under load, from a process of its own. */
import { type Contender, labelOf } from './contender.js'
import { cpuMicros } from './cpu.js'
import type { Turn } from './in-turns.js'
import type { Job, Load } from './load.js'
import { forkFile, messageOf } from './processes.js'
import type { Cell } from './report.js'

export function startMeasuring(): (contender: Contender, turn: Turn) => Promise<Cell> {
  const generator = forkFile('./load.ts')
  let firstNumber = 1
  return async (contender, { round, callers, seconds }) => {
    const { name, souk, target } = contender
    const before = cpuOf(contender)
    const answer = messageOf<Load>(generator)
    generator.send({ target, callers, seconds, firstNumber } satisfies Job)
    const load = await answer
    const after = cpuOf(contender)
    firstNumber += load.calls
    const perCall = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? undefined : (to - from) / load.calls
    return {
      ...{ contender: labelOf(contender), name, souk, round, callers },
      ...load,
      cpuMicros: perCall(before.own, after.own),
      serverMicros: perCall(before.server, after.server),
    }
  }
}

/** Microseconds so far. */
function cpuOf({ pids, serverPid }: Contender) {
  return {
    own: cpuMicros(pids, serverPid),
    server: serverPid === undefined ? undefined : cpuMicros([serverPid]),
  }
}

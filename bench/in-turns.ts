/** The order in which contenders are measured. */
import { appendFileSync } from 'node:fs'
import type { Settings } from './settings.js'

const WARM_UP_SECONDS = 1

/** Under load by so many callers; round 0 warms up. */
export type Turn = { round: number; callers: number; seconds: number }

/**
 * Measures each contender once a round for each number of callers: all of them in a short while, so
 * that a round compares them under the same circumstances.
 */
export async function inTurns<Contender, Cell extends object>(
  { rounds, seconds, callers, out }: Settings,
  contenders: readonly Contender[],
  measure: (contender: Contender, turn: Turn) => Promise<Cell>,
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const contender of contenders) {
    const turn = { round: 0, callers: Math.max(...callers), seconds: WARM_UP_SECONDS }
    cells.push(await measure(contender, turn))
  }
  for (let round = 1; round <= rounds; round++) {
    console.error(`Round ${round} of ${rounds}`)
    for (const count of callers) {
      for (const contender of contenders) {
        const cell = await measure(contender, { round, callers: count, seconds })
        cells.push(cell)
        if (out)
          appendFileSync(out, `${JSON.stringify({ at: new Date().toISOString(), ...cell })}\n`)
      }
    }
  }
  return cells
}

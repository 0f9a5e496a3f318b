/** How far a run of `souk import` is: a bar on a terminal, a line now and then elsewhere. */
import type { Summary } from './import-summary.js'

/** Progress is said so often where no terminal shows it. */
const SAY_EVERY_MS = 10_000
const BAR_CHARS = 30

type Terminal = { isTTY?: boolean; write(text: string): unknown }

/**
 * @param total files of the run.
 * @param terminal where the bar is drawn, where it is one.
 */
export function createProgress(say: (line: string) => void, total: number, terminal: Terminal) {
  let passed = 0
  let saidAt = performance.now()
  return {
    /** One more file is done, whatever came of it. */
    passed({ operations, failures }: Pick<Summary, 'operations' | 'failures'>) {
      passed++
      const counted = `${passed} of ${total} files, ${operations} operations, ${failures} refused`
      if (terminal.isTTY) {
        const done = Math.round((passed / total) * BAR_CHARS)
        terminal.write(`\r[${'#'.repeat(done)}${'.'.repeat(BAR_CHARS - done)}] ${counted}`)
      } else if (performance.now() - saidAt > SAY_EVERY_MS) {
        saidAt = performance.now()
        say(counted)
      }
    },
    end() {
      if (terminal.isTTY) terminal.write('\n')
    },
  }
}

/** A process and all that it started, ended together. */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessGroup = {
  /** Asks all of it to end, kills it after 2 s; resolves when it is gone. May be called again. */
  end(): Promise<void>
}

const KILL_AFTER_MS = 2000
const POLL_MS = 20

/** Groups that still run; when our own process ends, they end. */
const running = new Set<number>()
process.on('exit', () => {
  for (const group of running) signal(group, 'SIGKILL')
})

/** @param child started as the leader of a group of its own, and running. */
export function processGroup(child: ChildProcess): ProcessGroup {
  const group = child.pid!
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let ending: Promise<void> | undefined
  running.add(group)

  async function end(): Promise<void> {
    child.stdin?.end()
    signal(group, 'SIGTERM')
    for (let waitedMs = 0; waitedMs < KILL_AFTER_MS; waitedMs += POLL_MS) {
      if (!signal(group, 0)) break
      await sleep(POLL_MS)
    }
    signal(group, 'SIGKILL')
    await exited
    running.delete(group)
  }

  return {
    end() {
      ending ??= end()
      return ending
    },
  }
}

/** Whether anything was there to hear it. */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name)
  } catch {
    return false
  }
}

/**
 * Decides what happens next. Every step that shares something with others waits at a gate until it
 * is chosen, so that a seed alone decides in which order steps of all calls follow one another.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** A process whose steps wait; once it is dead they wait for good. */
export type Life = { isDead: boolean }

export type Gate = {
  /** Whose step it is: `order 7`, `reap 2`. */
  actor: string
  /** What it is about to do: `hold`, `send`. */
  step: string
  /** What it does it to, where an actor does several things at once. */
  subject?: string | undefined
  /** Whose death keeps it closed. */
  life: Life
  /** Whether it may be opened together with others of its life, to be written as one batch. */
  isCommit?: true
  /** Not to be opened before this time of the simulation. */
  readyAtMs?: number | undefined
}

export type Waiting = Gate & { name: string; open(): void }

export type Scheduler = {
  /** Resolves when the gate is chosen. */
  pass(gate: Gate): Promise<void>
  /** Does what really takes time, such as a query; nothing is chosen meanwhile. */
  work<T>(task: () => Promise<T>): Promise<T>
  /** Resolves when everything that runs has come to a gate or to its end. */
  settled(): Promise<void>
  /** The gates of the living, ordered by name: ids differ from run to run, names do not. */
  waiting(): Waiting[]
  open(gate: Waiting): void
}

export function createScheduler(): Scheduler {
  const gates = new Map<string, Waiting>()
  let working = 0
  let rest: (() => void) | undefined

  return {
    pass: (gate) =>
      new Promise((open) => {
        const about = gate.subject === undefined ? '' : ` of ${gate.subject}`
        const name = freeName(`${gate.actor}: ${gate.step}${about}`)
        gates.set(name, { ...gate, name, open })
      }),
    async work(task) {
      working++
      try {
        return await task()
      } finally {
        working--
        if (working === 0) rest?.()
      }
    },
    async settled() {
      do {
        if (working > 0) {
          await new Promise<void>((resolve) => {
            rest = resolve
          })
        }
        // All that follows without waiting for anything is over before the next turn.
        await nextTurn()
      } while (working > 0)
    },
    waiting() {
      for (const [name, { life }] of gates) if (life.isDead) gates.delete(name)
      return [...gates.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    open(gate) {
      gates.delete(gate.name)
      gate.open()
    },
  }

  function freeName(name: string): string {
    let free = name
    for (let n = 2; gates.has(free); n++) free = `${name} ${n}`
    return free
  }
}

/** Starts the programs of a benchmark and ends them all, however it ends itself. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processTree } from './process-tree.js'

const POLL_MS = 50
/** What is kept of a program's last words. */
const LOG_CHARACTERS = 2_000

export type Program = {
  pid: number
  /** The end of what it has written so far. */
  log(): string
  hasEnded(): boolean
  /** Asks it to end, and waits until it has. */
  end(): Promise<void>
}

const running = new Set<ChildProcess>()

/** Ends what is running when this process ends, on a signal too. */
export function endAllOnExit(): void {
  process.once('exit', () => {
    for (const child of running) killTree(child)
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130))
  }
}

/** Starts a program in a process group of its own, so that what it starts ends with it. */
export function startProgram(
  command: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Program {
  const child = spawn(command, args, {
    ...options,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = track(child)
  let log = ''
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.once('error', (error) => keep(Buffer.from(error.message)))
  return {
    pid: child.pid ?? 0,
    log: () => log,
    hasEnded: () => !running.has(child),
    async end() {
      signalGroup(child, 'SIGTERM')
      await ended
    },
  }
}

/** Starts a file of this folder as a process that is talked to by messages. */
export function forkFile(name: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = fileURLToPath(new URL(name, import.meta.url))
  const child = fork(file, { detached: true, env: { ...process.env, ...env } })
  void track(child)
  return child
}

/** The next message of a forked file. */
export function messageOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`it ended with code ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Message)
    })
  })
}

/** Asks until there is an answer. @throws Error with the program's log when it ends or is late. */
export async function eventually<Value>(
  program: Program,
  timeoutMs: number,
  ask: () => Promise<Value | undefined>,
): Promise<Value> {
  const lateAt = performance.now() + timeoutMs
  while (performance.now() < lateAt && !program.hasEnded()) {
    const value = await ask().catch(() => undefined)
    if (value !== undefined) return value
    await wait(POLL_MS)
  }
  throw new Error(
    `${program.hasEnded() ? 'it ended' : 'it was not ready in time'}\n${program.log()}`,
  )
}

/** A port that is free, with so many free ones behind it. */
export async function freePort(behind = 0): Promise<number> {
  const port = await probe(0)
  for (let next = port + 1; next <= port + behind; next++) {
    const isFree = await probe(next).then(
      () => true,
      () => false,
    )
    if (!isFree) return freePort(behind)
  }
  return port
}

function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

function track(child: ChildProcess): Promise<void> {
  running.add(child)
  return new Promise((resolve) => {
    const over = () => {
      running.delete(child)
      resolve()
    }
    child.once('exit', over)
    child.once('error', over)
  })
}

/** Kills a program and what it started, also what has left its process group. */
function killTree(child: ChildProcess): void {
  const pids = processTree(child.pid ?? 0)?.map((stat) => stat.pid) ?? []
  signalGroup(child, 'SIGKILL')
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with its group.
    }
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // It has ended already.
  }
}

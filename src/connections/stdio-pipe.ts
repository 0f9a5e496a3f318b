/** A server that is a process of ours: no shell, a clean environment, ended with all its children. */
import { type ChildProcess, spawn } from 'node:child_process'
import { plainLine } from '#core/plain-text'
import type { Unanswered } from '#upstreams'
import { createLineReader } from './line-reader.js'
import { readMessages } from './messages.js'
import type { Pipe, PipeEar } from './pipe-line.js'
import { processGroup } from './process-group.js'
import type { Server } from './server.js'

export type StdioDeps = {
  /** Of our own process; only the names in `PASSED_ON` are read. */
  environment: Readonly<Record<string, string | undefined>>
  maxBodyBytes: number
  /** A line of the process's stderr, or its end. */
  report(what: 'stderr' | 'exited', detail: string): void
}

/** What programs need to find themselves; nothing in it is a secret. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR']
const LAST_WORDS_MS = 200
const NOT_READING = 'The process of the server does not read what it is sent.'
const MAX_LOG_LINE_BYTES = 2048
const MAX_LOG_LINES = 1000

/** Starts the process. Never throws; a program that cannot be started is an answer. */
export async function openStdioPipe(
  deps: StdioDeps,
  server: Server,
  ear: PipeEar,
): Promise<Pipe | Unanswered> {
  const { command, args = [], env = {}, cwd } = server.settings
  const child = spawn(command!, [...args], {
    // The leader of a group of its own, so that its children can be ended with it.
    detached: true,
    shell: false,
    stdio: 'pipe',
    env: { ...passedOn(deps.environment), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  const failure = await started(child)
  if (failure) return failure
  const group = processGroup(child)
  let isOver = false
  const onEnd = (detail: string) => {
    if (isOver) return
    isOver = true
    deps.report('exited', detail)
    ear.onEnd(detail)
    void group.end()
  }
  child.on('exit', (code, signal) => {
    const detail = `The process ended (${signal ?? code}).`
    // What it wrote last may still be on its way; children that hold the pipe open are not waited for.
    child.once('close', () => onEnd(detail))
    setTimeout(onEnd, LAST_WORDS_MS, detail).unref()
  })
  child.stdin!.on('error', () => {})
  child.stdout!.on(
    'data',
    createLineReader(
      deps.maxBodyBytes,
      // What is no message, a banner or a log line, harms nobody but itself.
      (line) => {
        for (const each of readMessages(line) ?? []) ear.onMessage(each, line.length)
      },
      () => onEnd('The process writes a line that is too long.'),
    ),
  )
  child.stderr!.on('data', stderrLog(deps.report, server))
  return {
    async send(text) {
      if (child.exitCode === null && child.stdin!.writable) {
        if (child.stdin!.writableLength > deps.maxBodyBytes) return notStarted(NOT_READING)
        child.stdin!.write(`${text}\n`)
        return undefined
      }
      return notStarted('The process of the server has ended.')
    },
    close: () => group.end(),
  }
}

function passedOn(environment: StdioDeps['environment']): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** Whether the process runs; the error of one that does not names no path. */
function started(child: ChildProcess): Promise<Unanswered | undefined> {
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(undefined))
    child.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(notStarted(`The process of the server cannot be started (${code ?? 'unknown'}).`)),
    )
  })
}

function notStarted(detail: string): Unanswered {
  return { kind: 'unanswered', reason: 'unreachable', detail, dispatched: false }
}

/** Lines for the log: cut, without secrets, and only so many of them. */
function stderrLog(report: StdioDeps['report'], server: Server): (chunk: Buffer) => void {
  let left = MAX_LOG_LINES
  return createLineReader(
    MAX_LOG_LINE_BYTES,
    (line) => {
      if (left-- > 0) report('stderr', server.scrubber().text(plainLine(line.toString())))
    },
    () => {},
  )
}

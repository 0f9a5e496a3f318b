/** Where batches are written: in the caller's thread, or in one that is made for it. */
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import type { SqliteConnection, SqlValue, Write } from '#store'
import { createBatchWriter, type WrittenOutcome } from './batch.js'
import type { Recorder, Unit } from './ledger.js'
import type { BatchWriter } from './serve-writer.js'

export type Writer = {
  /**
   * Writes units durably, in the order of the calls; what waits together shares a transaction.
   * Rejects when the storage failed; nothing of these units was written then.
   */
  write(units: readonly Unit[]): Promise<WrittenOutcome[]>
  close(): Promise<void>
}

/** Told after each transaction: how many units it held and how long it took, in ms. */
export type OnFlush = (units: number, tookMs: number) => void

/** Units on their way to the thread: statements go once, and by their number from then on. */
export type ThreadRequest = { newWrites: readonly Write[]; units: readonly ThreadUnit[] }

export type ThreadUnit = Omit<Unit, 'rows'> & {
  rows: readonly (readonly [write: number, values: readonly SqlValue[]])[]
}

/** One transaction, which answers the oldest `requests` that are open. */
export type ThreadAnswer = { requests: number; tookMs: number } & (
  | { outcomes: WrittenOutcome[] }
  | { error: { message: string; code: string | undefined } }
)

/** Writes where it is called. */
export function inlineWriter(
  connection: SqliteConnection,
  options: { recorder?: Recorder; onFlush?: OnFlush } = {},
): Writer {
  const writeBatch = createBatchWriter(connection, options.recorder)
  return {
    write: async (units) => {
      const startedAt = performance.now()
      const outcomes = writeBatch(units)
      options.onFlush?.(units.length, performance.now() - startedAt)
      return outcomes
    },
    close: async () => {},
  }
}

/** So many units must have come one by one before they are written here. */
const ALONE = 8

/**
 * Writes units that come one by one `here`, which saves a single caller the way to the thread and
 * back, and in the `thread` as soon as they come together: then nobody should wait for the disk here.
 */
export function nearestWriter(here: Writer, thread: Writer): Writer {
  let inThread = 0
  /** Units that came one by one, up to now. */
  let alone = 0
  return {
    async write(units) {
      alone = units.length === 1 && inThread === 0 ? alone + 1 : 0
      if (alone > ALONE) return here.write(units)
      inThread++
      try {
        return await thread.write(units)
      } finally {
        inThread--
      }
    },
    close: () => thread.close(),
  }
}

/** Writes in this thread, one batch after the other. */
export function serialWriter(writer: BatchWriter): Writer {
  let last: Promise<unknown> = Promise.resolve()
  return {
    write(units) {
      const written = last.then(() => writer.write(units))
      last = written.catch(() => undefined)
      return written
    },
    close: async () => writer.close(),
  }
}

/**
 * Writes in a thread that runs `serveWriter`. Should it die, the process does: what it wrote is
 * unknown.
 */
export function threadWriter(worker: Worker, onFlush: OnFlush = () => {}): Writer {
  const numbered = createNumbering()
  const open: Open[] = []
  worker.on('message', (answer: ThreadAnswer) => {
    const answered = open.splice(0, answer.requests)
    const units = answered.reduce((total, { size }) => total + size, 0)
    settle(answered, answer)
    onFlush(units, answer.tookMs)
  })
  worker.on('error', (error) => {
    throw error
  })
  let isClosing = false
  worker.on('exit', () => {
    if (!isClosing) throw new Error('The thread that writes money has ended.')
    for (const { reject } of open.splice(0)) reject(ended())
  })
  return {
    write: (units) =>
      new Promise((resolve, reject) => {
        if (isClosing) throw ended()
        const request = numbered.request(units)
        try {
          worker.postMessage(request)
        } catch (error) {
          numbered.forget(request.newWrites)
          throw error
        }
        open.push({ size: units.length, resolve, reject })
      }),
    close: async () => {
      isClosing = true
      const exited = once(worker, 'exit')
      worker.postMessage('close')
      await exited
    },
  }
}

function ended(): Error {
  return new Error('The ledger is closed.')
}

type Open = {
  size: number
  resolve(outcomes: WrittenOutcome[]): void
  reject(error: Error): void
}

function settle(answered: readonly Open[], answer: ThreadAnswer): void {
  let from = 0
  for (const { size, resolve, reject } of answered) {
    if ('outcomes' in answer) resolve(answer.outcomes.slice(from, from + size))
    else reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
    from += size
  }
}

/** Replaces statements by numbers: their text is most of a batch. */
function createNumbering() {
  const numbers = new Map<Write, number>()
  return {
    request(units: readonly Unit[]): ThreadRequest {
      const newWrites: Write[] = []
      const numberOf = (write: Write): number => {
        const known = numbers.get(write)
        if (known !== undefined) return known
        newWrites.push(write)
        numbers.set(write, numbers.size)
        return numbers.size - 1
      }
      const wired = units.map(({ commands, rows = [], entry }) => ({
        commands,
        rows: rows.map(({ write, values }) => [numberOf(write), values] as const),
        entry,
      }))
      return { newWrites, units: wired }
    },
    /** For the newest ones, when they were not sent after all. */
    forget(writes: readonly Write[]): void {
      for (const write of writes) numbers.delete(write)
    },
  }
}

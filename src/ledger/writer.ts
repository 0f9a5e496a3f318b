/** Where batches are written: in the caller's thread, or in one that is made for it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SqliteConnection, SqlValue, Write } from '#store'
import { type BatchResult, createBatchWriter, type PlainUnit } from './batch.js'

export type Writer = {
  /** Writes one batch at a time. Rejects when the storage failed; nothing was written then. */
  write(units: readonly PlainUnit[]): Promise<BatchResult>
  close(): Promise<void>
}

/** A batch on its way to the thread: statements go once, and by their number from then on. */
export type ThreadRequest = {
  newWrites: readonly Write[]
  units: readonly {
    commands: PlainUnit['commands']
    rows: readonly (readonly [write: number, values: readonly SqlValue[]])[]
    isChained: boolean
  }[]
}

export type ThreadAnswer =
  | { result: BatchResult }
  | { error: { message: string; code: string | undefined } }

/** Writes where it is called, on a connection that nobody else writes on. */
export function inlineWriter(connection: SqliteConnection): Writer {
  const writeBatch = createBatchWriter(connection)
  return { write: async (units) => writeBatch(units), close: async () => {} }
}

/** Writes in a thread of its own. Should the thread die, the process does: what it wrote is unknown. */
export function threadWriter(file: string): Writer {
  const worker = startWorker(file)
  const numbered = createNumbering()
  let answer: ((given: ThreadAnswer) => void) | undefined
  worker.on('message', (given: ThreadAnswer) => answer?.(given))
  worker.on('error', (error) => {
    throw error
  })
  let isClosing = false
  worker.on('exit', () => {
    if (!isClosing) throw new Error('The thread that writes money has ended.')
  })
  return {
    write: (units) =>
      new Promise((resolve, reject) => {
        answer = (given) => {
          answer = undefined
          if ('result' in given) resolve(given.result)
          else reject(Object.assign(new Error(given.error.message), { code: given.error.code }))
        }
        worker.postMessage(numbered(units))
      }),
    close: async () => {
      isClosing = true
      const ended = once(worker, 'exit')
      worker.postMessage('close')
      await ended
    },
  }
}

/** Replaces statements by numbers: their text is most of a batch. */
function createNumbering(): (units: readonly PlainUnit[]) => ThreadRequest {
  const numbers = new Map<Write, number>()
  return (units) => {
    const newWrites: Write[] = []
    const numberOf = (write: Write): number => {
      const known = numbers.get(write)
      if (known !== undefined) return known
      newWrites.push(write)
      numbers.set(write, numbers.size)
      return numbers.size - 1
    }
    const wired = units.map(({ commands, rows, isChained }) => ({
      commands,
      rows: rows.map(({ write, values }) => [numberOf(write), values] as const),
      isChained,
    }))
    return { newWrites, units: wired }
  }
}

function startWorker(file: string): Worker {
  const workerData = { file }
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./writer-thread.js', import.meta.url), { workerData, env: {} })
  }
  // From TypeScript source, in tests, Node needs a loader, which a thread has to register itself.
  const source = JSON.stringify(new URL('./writer-thread.ts', import.meta.url).href)
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const run = `import(${loader}).then(({ register }) => { register(); return import(${source}) })`
  return new Worker(run, { workerData, eval: true, execArgv: ['--conditions=souk-source'] })
}

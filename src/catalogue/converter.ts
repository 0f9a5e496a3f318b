/**
 * Turns documents into endpoints, away from the event loop: in one thread that has a limit on memory,
 * is given one document at a time, and ends when nobody has imported anything for a while.
 */
import type { Worker } from 'node:worker_threads'
import { Problem, type ProblemCode } from '#core/problem'
import { startThread } from '#core/thread'
import type { ConvertOptions, Draft, ImportAnswer, ImportMessage, Portion } from './import-entry.js'
import type { Note } from './import-wire.js'

/** The largest public description takes some 900 MB. */
const MEMORY_MB = 1_536
/** For reading a document, and again for converting it: the largest public one takes some 20 s. */
const DEADLINE_MS = 120_000
/** A thread that is kept knows its code by heart; one that idles only keeps memory. */
const IDLE_MS = 20_000
const RETRY_AFTER_MS = 1_000

export type Reading = { request: unknown; hasDocument: boolean; hash: string }
export type Drafted = { draft: Draft; notes: { refused: Note[]; warnings: Note[] }; hash: string }

/** One import's talk with the thread: {@link read}, then {@link convert}, then the portions. */
export type Conversion = {
  /**
   * The members of a request's body but for its document, which stays in the thread.
   *
   * @param body is handed over: it must not be used again.
   */
  read(body: Uint8Array): Promise<Reading>
  /** @param document to be converted instead of the body's. */
  convert(options: ConvertOptions, document: Uint8Array | undefined): Promise<Drafted>
  portions(): AsyncGenerator<Portion>
  /** To be called at the end, whatever the end is. */
  forget(): void
}

export type Converter = { begin(): Conversion; close(): Promise<void> }

type Talk = {
  /** The thread that knows of the import, once one does. */
  worker: Worker | undefined
  answered(answer: ImportAnswer): void
  died(reason: Error): void
}

export function createConverter(): Converter {
  const talks = new Map<number, Talk>()
  let worker: Worker | undefined
  let idle: NodeJS.Timeout | undefined
  let imports = 0

  return {
    begin() {
      clearTimeout(idle)
      const number = ++imports
      const { hears, conversion } = createTalk((message) => {
        // A thread that is ended just now stays the one that knows of it.
        talk.worker ??= thread()
        send(talk.worker, { ...message, import: number })
      })
      const talk: Talk = { ...hears, worker: undefined }
      talks.set(number, talk)
      return {
        ...conversion(kill),
        forget() {
          talks.delete(number)
          talk.worker?.postMessage({ import: number, kind: 'forget' } satisfies ImportMessage)
          if (talks.size > 0) return
          clearTimeout(idle)
          idle = setTimeout(() => kill(), IDLE_MS)
          idle.unref()
        },
      }
    },
    close: async () => {
      clearTimeout(idle)
      await worker?.terminate()
    },
  }

  function thread(): Worker {
    if (worker) return worker
    const started = startThread(new URL('./import-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: 64 },
    })
    worker = started
    started.unref()
    started.on('message', (answer: ImportAnswer) => talks.get(answer.import)?.answered(answer))
    let reason: Error = refused('takes too long to read')
    started.on('error', (error: Error & { code?: string }) => {
      const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      reason = isFull ? refused('takes too much memory to read') : error
    })
    started.on('exit', () => {
      if (worker === started) worker = undefined
      for (const { worker: own, died } of talks.values()) if (own === started) died(reason)
    })
    return started
  }

  /** What it does cannot be interrupted otherwise. */
  function kill(): void {
    void worker?.terminate()
    worker = undefined
  }
}

/** Bytes are handed over rather than copied, where they are all of their buffer. */
function send(worker: Worker, message: ImportMessage): void {
  const bytes =
    message.kind === 'read'
      ? message.body
      : message.kind === 'convert'
        ? message.document
        : undefined
  const isOwn = bytes !== undefined && bytes.byteLength === bytes.buffer.byteLength
  worker.postMessage(message, isOwn ? [bytes.buffer as ArrayBuffer] : [])
}

type Message = ImportMessage extends infer M
  ? M extends { import: number }
    ? Omit<M, 'import'>
    : never
  : never

/** The thread's answers to one import, in order. */
function createTalk(say: (message: Message) => void) {
  const arrived: ImportAnswer[] = []
  let wake = () => {}
  let isAsking = false
  let death: Error | undefined

  async function next<K extends ImportAnswer['kind']>(...kinds: K[]) {
    while (arrived.length === 0 && !death) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const answer = arrived.shift()
    if (answer === undefined) throw death
    if (answer.kind === 'refused') throw problemOf(answer.problem)
    if (answer.kind === 'failed') throw new Error(`The import thread failed: ${answer.message}`)
    if (!kinds.some((kind) => kind === answer.kind)) throw new Error(`Unexpected ${answer.kind}`)
    return answer as Extract<ImportAnswer, { kind: K }>
  }

  async function ask<K extends ImportAnswer['kind']>(message: Message, kind: K, kill: () => void) {
    // A new thread would know nothing of the document.
    if (death) throw death
    const deadline = setTimeout(kill, DEADLINE_MS)
    isAsking = true
    try {
      say(message)
      return await next(kind)
    } finally {
      isAsking = false
      clearTimeout(deadline)
    }
  }

  return {
    hears: {
      answered(answer: ImportAnswer) {
        arrived.push(answer)
        wake()
      },
      died(reason: Error) {
        // One import at a time asks; it is what the thread died of.
        death ??= isAsking ? reason : cutOff()
        wake()
      },
    },
    conversion: (kill: () => void): Omit<Conversion, 'forget'> => ({
      read: (body) => ask({ kind: 'read', body }, 'read', kill),
      convert: (options, document) => ask({ kind: 'convert', options, document }, 'drafted', kill),
      async *portions() {
        for (;;) {
          const answer = await next('portion', 'end')
          if (answer.kind === 'end') return
          yield answer.portion
          say({ kind: 'taken' })
        }
      },
    }),
  }
}

function problemOf({ code, message, action, ...facts }: ReturnType<Problem['toJSON']>): Problem {
  return new Problem(code as ProblemCode, message, { action, facts })
}

function refused(reason: string): Problem {
  return new Problem('invalid_request', `The document ${reason}.`, {
    action: 'Import it in parts.',
  })
}

function cutOff(): Problem {
  return new Problem(
    'busy',
    'The import was cut off by another one; what was imported by now stays.',
    {
      status: 503,
      retryAfterMs: RETRY_AFTER_MS,
    },
  )
}

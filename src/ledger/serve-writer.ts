/**
 * The thread's side of a `threadWriter`: waiting for the disk, which is most of a commit, then no
 * longer keeps the event loop from answering.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Write } from '#store'
import type { WrittenOutcome } from './batch.js'
import type { Unit } from './ledger.js'
import type { ThreadAnswer, ThreadRequest, ThreadUnit } from './writer.js'

type Message = ThreadRequest | 'close'

/** What writes batches in the thread: one at a time, each durable when it is answered. */
export type BatchWriter = {
  write(units: readonly Unit[]): WrittenOutcome[] | Promise<WrittenOutcome[]>
  close(): void | Promise<void>
}

/** A transaction takes in what waits, unless it would grow beyond this many units. */
const MAX_UNITS = 64

/** Writes what comes in at `port`, until it is told to close; it then closes `writer`, too. */
export function serveWriter(port: MessagePort, writer: BatchWriter): void {
  /** All statements that were ever sent, by their number. */
  const writes: Write[] = []
  const waiting: Message[] = []
  let isWriting = false

  port.on('message', (message: Message) => {
    waiting.push(message)
    if (!isWriting) void work()
  })

  async function work(): Promise<void> {
    isWriting = true
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift() ?? receive()) {
      if (next === 'close') {
        await writer.close()
        return port.close()
      }
      await writeFrom(next)
    }
    isWriting = false
  }

  /** Writes a request and those that wait behind it. */
  async function writeFrom(request: ThreadRequest): Promise<void> {
    const units = unitsOf(request)
    let requests = 1
    for (;;) {
      const next = waiting[0] ?? receive()
      if (next === undefined) break
      if (waiting.length === 0) waiting.push(next)
      if (next === 'close' || units.length + next.units.length > MAX_UNITS) break
      waiting.shift()
      units.push(...unitsOf(next))
      requests++
    }
    port.postMessage(await write(requests, units))
  }

  function receive(): Message | undefined {
    return receiveMessageOnPort(port)?.message
  }

  function unitsOf({ newWrites, units }: ThreadRequest): Unit[] {
    writes.push(...newWrites)
    return units.map(({ rows, ...unit }: ThreadUnit) => ({
      ...unit,
      rows: rows.map(([write, values]) => ({ write: writes[write]!, values })),
    }))
  }

  async function write(requests: number, units: readonly Unit[]): Promise<ThreadAnswer> {
    const startedAt = performance.now()
    const tookMs = () => performance.now() - startedAt
    try {
      return { requests, outcomes: await writer.write(units), tookMs: tookMs() }
    } catch (error) {
      const { message, code } = error as Error & { code?: string }
      return { requests, error: { message, code }, tookMs: tookMs() }
    }
  }
}

/**
 * The thread's side of a `threadWriter`: waiting for the disk, which is most of a commit, then no
 * longer keeps the event loop from answering.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { SqliteConnection, Write } from '#store'
import { createBatchWriter } from './batch.js'
import type { Recorder, Unit } from './ledger.js'
import type { ThreadAnswer, ThreadRequest, ThreadUnit } from './writer.js'

type Message = ThreadRequest | 'close'

/** A transaction takes in what waits, unless it would grow beyond this many units. */
const MAX_UNITS = 64

/** Writes what comes in at `port`, until it is told to close; it then closes `connection`, too. */
export function serveWriter(
  port: MessagePort,
  connection: SqliteConnection,
  recorder?: Recorder,
): void {
  const writeBatch = createBatchWriter(connection, recorder)
  /** All statements that were ever sent, by their number. */
  const writes: Write[] = []

  port.on('message', (message: Message) => {
    let next: Message | undefined = message
    while (next !== undefined && next !== 'close') next = writeFrom(next)
    if (next === undefined) return
    connection.close()
    port.close()
  })

  /** Writes a request and those that wait behind it; gives the first that is left. */
  function writeFrom(request: ThreadRequest): Message | undefined {
    const units = unitsOf(request)
    let requests = 1
    let next = receive()
    while (next !== undefined && next !== 'close') {
      if (units.length + next.units.length > MAX_UNITS) break
      units.push(...unitsOf(next))
      requests++
      next = receive()
    }
    port.postMessage(write(requests, units))
    return next
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

  function write(requests: number, units: readonly Unit[]): ThreadAnswer {
    const startedAt = performance.now()
    const tookMs = () => performance.now() - startedAt
    try {
      return { requests, outcomes: writeBatch(units), tookMs: tookMs() }
    } catch (error) {
      const { message, code } = error as Error & { code?: string }
      return { requests, error: { message, code }, tookMs: tookMs() }
    }
  }
}

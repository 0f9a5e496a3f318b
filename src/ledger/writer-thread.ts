/**
 * The thread that writes money: waiting for the disk, which is most of a commit, then no longer
 * keeps the event loop from answering.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { openConnection, type Write } from '#store'
import { createBatchWriter, type PlainUnit } from './batch.js'
import type { ThreadAnswer, ThreadRequest } from './writer.js'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')

const connection = openConnection((workerData as { file: string }).file)
const writeBatch = createBatchWriter(connection)

/** All statements that were ever sent, by their number. */
const writes: Write[] = []

port.on('message', (request: ThreadRequest | 'close') => {
  if (request === 'close') {
    connection.close()
    port.close()
    return
  }
  writes.push(...request.newWrites)
  port.postMessage(answerTo(request.units.map(plain)))
})

function plain({ commands, rows, isChained }: ThreadRequest['units'][number]): PlainUnit {
  return {
    commands,
    rows: rows.map(([write, values]) => ({ write: writes[write]!, values })),
    isChained,
  }
}

function answerTo(units: readonly PlainUnit[]): ThreadAnswer {
  try {
    return { result: writeBatch(units) }
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    return { error: { message, code } }
  }
}

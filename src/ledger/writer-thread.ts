/**
 * The thread that writes money: waiting for the disk, which is most of a commit, then no longer
 * keeps the event loop from answering.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { openConnection } from '#store'
import { createBatchWriter, type PlainUnit } from './batch.js'
import type { ThreadAnswer } from './writer.js'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')

const connection = openConnection((workerData as { file: string }).file)
const writeBatch = createBatchWriter(connection)

port.on('message', (units: readonly PlainUnit[] | 'close') => {
  if (units === 'close') {
    connection.close()
    port.close()
    return
  }
  port.postMessage(answerTo(units))
})

function answerTo(units: readonly PlainUnit[]): ThreadAnswer {
  try {
    return { result: writeBatch(units) }
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    return { error: { message, code } }
  }
}

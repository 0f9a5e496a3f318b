/** A thread that writes for a ledger under test, with its recorder. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveWriter, sqliteBatchWriter } from '#ledger'
import { openConnection } from '#store'
import { linkRecorder } from './link-recorder.js'

const connection = openConnection((workerData as { file: string }).file)
serveWriter(parentPort!, sqliteBatchWriter(connection, linkRecorder(connection)))

/** The thread that writes for the ledger that is measured alone. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveWriter } from '#ledger'
import { openConnection } from '#store'

serveWriter(parentPort!, openConnection((workerData as { file: string }).file))

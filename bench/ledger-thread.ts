/** The thread that writes for a ledger that is measured alone. */
import { parentPort, workerData } from 'node:worker_threads'
import { postgresBatchWriter, serveWriter, sqliteBatchWriter } from '#ledger'
import { connectPipeline, openConnection } from '#store'

export type LedgerThreadData = { file: string } | { url: string }

const home = workerData as LedgerThreadData
serveWriter(
  parentPort!,
  'url' in home
    ? postgresBatchWriter({ connect: () => connectPipeline(home.url) })
    : sqliteBatchWriter(openConnection(home.file)),
)

/** The thread that writes money, and what stands or falls with it. */
import { parentPort, workerData } from 'node:worker_threads'
import { type BatchWriter, postgresBatchWriter, serveWriter, sqliteBatchWriter } from '#ledger'
import { receiptRecorder, receiptRecorderOnPostgres, type SigningKey } from '#receipts'
import { connectPipeline, openConnection } from '#store'

/** Where it writes; a gateway on PostgreSQL finds its chain when it takes its seat. */
export type WriterHome = { file: string; chainId: string } | { url: string }
export type WriterThreadData = { home: WriterHome; issuer: string; key: SigningKey }

if (parentPort === null) throw new Error('This file runs in a worker thread only.')
const { home, ...signing } = workerData as WriterThreadData
serveWriter(parentPort, openWriter())

function openWriter(): BatchWriter {
  if ('url' in home) {
    return postgresBatchWriter({
      connect: () => connectPipeline(home.url),
      recorderOf: (chainId) => receiptRecorderOnPostgres({ ...signing, chainId }),
    })
  }
  const connection = openConnection(home.file)
  const { chainId } = home
  return sqliteBatchWriter(connection, receiptRecorder({ connection, chainId, ...signing }))
}

/** The thread that writes money, and what stands or falls with it. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveWriter } from '#ledger'
import { receiptRecorder, type SigningKey } from '#receipts'
import { openConnection } from '#store'

export type WriterThreadData = { file: string; issuer: string; chainId: string; key: SigningKey }

if (parentPort === null) throw new Error('This file runs in a worker thread only.')
const { file, ...signing } = workerData as WriterThreadData
const connection = openConnection(file)
serveWriter(parentPort, connection, receiptRecorder({ connection, ...signing }))

/** The thread that holds the index, so that neither searching nor indexing stops the event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { keepIndex } from './index-keeper.js'
import type { ThreadAnswer, ThreadRequest } from './thread-messages.js'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')

const { file } = workerData as { file: string | undefined }
const opening = keepIndex(file)

port.on('message', async ({ id, name, given }: ThreadRequest) => {
  const answer: ThreadAnswer = { id }
  try {
    const index = await opening
    answer.result = await (index[name] as (given: unknown) => unknown)(given)
  } catch (error) {
    answer.error = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  port.postMessage(answer)
  if (name === 'close') port.close()
})

/** The thread that holds the index, so that neither searching nor indexing stops the event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { keepIndex } from './index-keeper.js'
import { NOT_ASKED, type ThreadAnswer, type ThreadRequest } from './thread-messages.js'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')

const { file } = workerData as { file: string | undefined }
const say = (answer: ThreadAnswer) => port.postMessage(answer)
const opening = keepIndex(file, (error) => say({ id: NOT_ASKED, error: textOf(error) }))

port.on('message', async ({ id, name, given }: ThreadRequest) => {
  const answer: ThreadAnswer = { id }
  try {
    const index = await opening
    answer.result = await (index[name] as (given: unknown) => unknown)(given)
  } catch (error) {
    answer.error = textOf(error)
  }
  say(answer)
  if (name === 'close') port.close()
})

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

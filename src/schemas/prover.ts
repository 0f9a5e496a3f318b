/**
 * The thread in which schemas of strangers are compiled for the first time. It says which one it
 * begins, so that whoever waits can name the one that took too much time or memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { compileSchema, createSchemaCheck, type JsonSchema } from './compile.js'

export type WorkerMessage = { kind: 'begin' | 'done' } | { kind: 'refused'; reason: string }

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')
const say = (message: WorkerMessage) => port.postMessage(message)

const faultOf = createSchemaCheck()

/** Why the schema cannot be used, or `undefined`. */
function refusal(schema: JsonSchema): string | undefined {
  const reason = faultOf(schema)
  if (reason !== undefined) return reason
  try {
    // An endless chain of references compiles; it shows with the first value.
    const stuck = compileSchema(schema)({}).find(({ message }) =>
      message.includes('too many steps'),
    )
    return stuck && 'it refers to itself without end'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function prove(schemas: readonly JsonSchema[]): void {
  for (const schema of schemas) {
    say({ kind: 'begin' })
    const reason = refusal(schema)
    if (reason !== undefined) {
      say({ kind: 'refused', reason })
      return
    }
  }
  say({ kind: 'done' })
}

prove(workerData as readonly JsonSchema[])

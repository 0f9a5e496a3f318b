/**
 * The thread in which schemas of strangers are compiled for the first time. It says which one it
 * begins, so that whoever waits can name the one that took too much time or memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { createCompiler, type JsonSchema } from './schema-compile.js'

export type WorkerMessage = { kind: 'begin' | 'done' } | { kind: 'refused'; reason: string }

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread only.')
const say = (message: WorkerMessage) => port.postMessage(message)

/** Why the schema cannot be used, or `undefined`. */
function refusal(compile: ReturnType<typeof createCompiler>, schema: JsonSchema) {
  try {
    // An endless chain of references compiles; it shows with the first value.
    const stuck = compile(schema)({}).find(({ message }) => message.includes('too many steps'))
    return stuck && 'it refers to itself without end'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function prove(schemas: readonly JsonSchema[]): void {
  const compile = createCompiler()
  for (const schema of schemas) {
    say({ kind: 'begin' })
    const reason = refusal(compile, schema)
    if (reason !== undefined) {
      say({ kind: 'refused', reason })
      return
    }
  }
  say({ kind: 'done' })
}

prove(workerData as readonly JsonSchema[])

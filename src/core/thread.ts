/** Threads of our own code, started from the build and from source alike. */
import { setFlagsFromString } from 'node:v8'
import { Worker, type WorkerOptions } from 'node:worker_threads'

const IS_SOURCE = import.meta.url.endsWith('.ts')

/**
 * Starts the module at `url`, which ends in `.js` as it does in the build. The thread sees nothing
 * of the settings and secrets of the process but what `options.workerData` brings it.
 */
export function startThread(url: URL, options: Omit<WorkerOptions, 'env' | 'execArgv'>): Worker {
  // The room for young objects that `npm start` gives is for the event loop. Left as it is, the option
  // would undo the limits of a thread; the heap that is in use already keeps what it was given.
  setFlagsFromString('--max-semi-space-size=0')
  if (!IS_SOURCE) return new Worker(url, { ...options, env: {}, execArgv: [] })
  // From TypeScript source, in tests, Node needs a loader, which a thread has to register itself.
  const source = JSON.stringify(url.href.replace(/\.js$/, '.ts'))
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const start = `import(${loader}).then(({ register }) => { register(); return import(${source}) })`
  const execArgv = ['--conditions=souk-source']
  return new Worker(start, { ...options, env: {}, execArgv, eval: true })
}

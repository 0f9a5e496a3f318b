import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** The young generation of a thread that may have 16 MB of it, in bytes, under options of Node. */
function youngBytes(...options: string[]): number {
  const program = `
    import { startThread } from ${JSON.stringify(new URL('./thread.ts', import.meta.url).href)}
    const url = new URL('data:text/javascript,' + encodeURIComponent(\`
      import { parentPort } from 'node:worker_threads'
      import v8 from 'node:v8'
      const kept = []
      for (let i = 0; i < 3e6; i++) kept[i % 1e5] = { i }
      const spaces = v8.getHeapSpaceStatistics()
      parentPort.postMessage(spaces.find((s) => s.space_name === 'new_space').space_size)
    \`))
    startThread(url, { resourceLimits: { maxYoungGenerationSizeMb: 16 } })
      .once('message', (bytes) => { console.log(bytes); process.exit() })`
  const args = [...options, '--conditions=souk-source', '--import=tsx', '--input-type=module', '-e']
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  return Number(execFileSync(process.execPath, [...args, program], { cwd, encoding: 'utf8' }))
}

test('the memory that npm start gives the process does not undo the limits of a thread', () => {
  expect(youngBytes('--max-semi-space-size=64')).toBe(youngBytes())
})

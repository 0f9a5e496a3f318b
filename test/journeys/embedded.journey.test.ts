/** The example of a program that has Souk inside runs as it stands. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const dataDir = mkdtempSync(join(tmpdir(), 'souk-embedded-'))
const children: ReturnType<typeof spawn>[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
})

/** Runs a file of the example from source; what it printed grows in `text`. */
function run(file: string, environment: Record<string, string>) {
  const args = ['--conditions=souk-source', '--import', 'tsx', `examples/embedded/${file}`]
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, args, { cwd: ROOT, env })
  children.push(child)
  const printed = { text: '' }
  child.stdout.on('data', (part) => {
    printed.text += part
  })
  child.stderr.on('data', (part) => {
    printed.text += part
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, printed, ended }
}

test('a function and an MCP server become tools, which a client calls by name', async () => {
  const app = run('app.mjs', { PORT: '0', SOUK_DATA_DIR: dataDir })
  await expect.poll(() => app.printed.text, { timeout: 40_000 }).toContain('SOUK_KEY=')
  const [, url, key] = /SOUK_URL=(\S+) SOUK_KEY=(\S+)/.exec(app.printed.text)!
  const client = run('client.mjs', { SOUK_URL: url!, SOUK_KEY: key! })
  expect(await client.ended, client.printed.text).toBe(0)
  expect(client.printed.text).toContain('convert_temperature -> {"fahrenheit":69.8}')
  expect(client.printed.text).toContain('notes__add_note -> That is note 1.')
  expect(client.printed.text).toContain('notes__list_notes -> Buy tea')
  expect(client.printed.text.match(/receipt rcpt_/g)).toHaveLength(3)
  app.child.kill('SIGTERM')
  expect(await app.ended).toBe(0)
}, 60_000)

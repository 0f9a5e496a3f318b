import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  answered,
  asAlice,
  asBob,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'

const script = fileURLToPath(new URL('../../test/support/a-stdio-server.mjs', import.meta.url))
/** Other tests of this machine start such processes, too. */
const MARK = `of-${process.pid}`
const stdio = (modes: string[] = [], more = {}) =>
  settingsFor('', {
    url: undefined,
    transport: 'stdio',
    command: process.execPath,
    args: [script, MARK, ...modes],
    ...more,
  })
const call = (tool: string, args: Record<string, unknown> = {}) => ({ tool, arguments: args })

/** Our children and all that they started, by their groups; zombies do not count. */
function childCount(): number {
  const lines = execFileSync('ps', ['-e', '-o', 'stat=,pgid=,args=']).toString().split('\n')
  return lines
    .filter((line) => line.includes(MARK))
    .filter((line) => /a-stdio-server\.mjs|on\('SIGTERM'/.test(line))
    .filter((line) => !line.trim().startsWith('Z')).length
}

test('one process serves all holders, and is gone with the connections', async () => {
  const { connections } = someConnections([])
  const settings = stdio(['banner'])
  expect(await connections.listTools(settings)).toHaveLength(1)
  const pids = await Promise.all(
    [asAlice, asBob, asAlice].map((holder) => connections.callTool(settings, call('pid'), holder)),
  )
  expect(new Set(pids.map(textOf)).size).toBe(1)
  await connections.close()
  expect(() => process.kill(Number(textOf(pids[0]!)), 0)).toThrow()
})

test('a process sees nothing of our own environment but what it needs', async () => {
  const { connections } = someConnections([])
  const settings = stdio([], { env: { MODE: 'quiet' } })
  const env = JSON.parse(textOf(await connections.callTool(settings, call('env'), asAlice)))
  expect(env).toMatchObject({ MODE: 'quiet', HOME: '/tmp' })
  expect(Object.keys(env).filter((name) => !['PATH', 'HOME', 'MODE'].includes(name))).toEqual([])
})

test('one slow call never delays another', async () => {
  const { connections } = someConnections([])
  const settings = stdio()
  const slow = connections.callTool(settings, call('slow', { ms: 2000 }), {
    ...asAlice,
    timeoutMs: 1500,
  })
  expect(textOf(await connections.callTool(settings, call('echo', { text: 'x' }), asBob))).toBe('x')
  expect(await slow).toMatchObject({ reason: 'timeout', dispatched: true })
})

test('a crash fails the running calls, and the process is started again for the next', async () => {
  const { connections, events } = someConnections([])
  const settings = stdio()
  const running = connections.callTool(settings, call('slow', { ms: 5000 }), asAlice)
  const crashed = await connections.callTool(settings, call('crash'), asBob)
  expect(crashed).toMatchObject({ kind: 'unanswered', reason: 'broken', dispatched: true })
  expect(await running).toMatchObject({ kind: 'unanswered', reason: 'broken' })
  expect(textOf(await connections.callTool(settings, call('echo', { text: 'x' }), asBob))).toBe('x')
  expect(events).toContainEqual({
    serverId: settings.id,
    name: 'scripted',
    what: 'exited',
    detail: 'The process ended (3).',
  })
})

test('no child is left: not of many sessions, not a stubborn one, not a child of a child', async () => {
  const before = childCount()
  const { connections } = someConnections([])
  const all = Array.from({ length: 4 }, (_, i) => stdio(i % 2 ? ['stubborn', 'child'] : []))
  await Promise.all(all.map((settings) => connections.callTool(settings, call('pid'), asAlice)))
  expect(childCount()).toBeGreaterThanOrEqual(before + 6)
  await connections.forget(all[1]!.id)
  await connections.test(stdio(['child']))
  await connections.close()
  expect(childCount()).toBe(before)
})

test('a process that is killed from outside leaves none of its children', async () => {
  const before = childCount()
  const { connections } = someConnections([])
  const settings = stdio(['child'])
  const pid = Number(textOf(await connections.callTool(settings, call('pid'), asAlice)))
  process.kill(pid, 'SIGKILL')
  await expect.poll(childCount, { timeout: 5000 }).toBe(before)
})

test.each([
  // Nobody can clean up after a SIGKILL, but a server sees that nobody speaks to it any more.
  ['SIGKILL', []],
  ['exit', ['stubborn', 'child']],
] as const)('a gateway that ends uncleanly (%s) leaves no child', async (ending, modes) => {
  const before = childCount()
  const program = fileURLToPath(
    new URL('../../test/support/a-process-with-servers.ts', import.meta.url),
  )
  const gateway = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=souk-source', program, ending, MARK, ...modes],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(gateway.stdout!, 'data')
  if (ending === 'SIGKILL') {
    expect(childCount()).toBe(before + 3)
    gateway.kill('SIGKILL')
  }
  await expect.poll(childCount, { timeout: 10_000 }).toBe(before)
})

test('what a process complains of reaches the log, without secrets and in bounds', async () => {
  const { connections, events } = someConnections([])
  const settings = stdio([], { env: { API_KEY: 'sk-0123456789' } })
  const text = `it broke with sk-0123456789\n${'x'.repeat(5000)}`
  answered(await connections.callTool(settings, call('complain', { text }), asAlice))
  await expect
    .poll(() => events.filter(({ what }) => what === 'stderr'))
    .toEqual([expect.objectContaining({ detail: 'it broke with [redacted]' })])
})

test('a line beyond the limit ends the process, not the gateway', async () => {
  const { connections } = someConnections([], { maxBodyBytes: 64 * 1024 })
  const settings = stdio()
  const answer = await connections.callTool(settings, call('long', { bytes: 200_000 }), asAlice)
  expect(answer).toMatchObject({ reason: 'broken', detail: expect.stringMatching(/too long/) })
  expect(textOf(await connections.callTool(settings, call('echo', { text: 'x' }), asAlice))).toBe(
    'x',
  )
})

test('a program that does not exist, and one that is silent, are refusals', async () => {
  const { connections } = someConnections([])
  const missing = stdio([], { command: '/no/such/program' })
  expect(await connections.test(missing)).toMatchObject({
    error: 'The process of the server cannot be started (ENOENT).',
    error_code: 'connection_error',
  })
  const silent = stdio(['silent'], { connectTimeoutMs: 300 })
  expect(await connections.test(silent)).toMatchObject({ error_code: 'timeout' })
})

test('no shell reads the command', async () => {
  const { connections } = someConnections([])
  const settings = stdio([], { args: [script, '; echo pwned', '$(id)'] })
  expect(textOf(await connections.callTool(settings, call('echo', { text: 'x' }), asAlice))).toBe(
    'x',
  )
})

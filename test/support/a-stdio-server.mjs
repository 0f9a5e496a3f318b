/** A scripted MCP server over stdio. Arguments choose how it behaves. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const modes = new Set(process.argv.slice(2))
const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] })

if (modes.has('banner')) process.stdout.write('Welcome to the server!\n')
if (modes.has('stubborn')) process.on('SIGTERM', () => {})
if (modes.has('child')) {
  // A child of its own that ignores SIGTERM and never ends by itself; it is known by the same arguments.
  const stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
  spawn(process.execPath, ['-e', stubborn, '--', ...modes], { stdio: 'ignore' })
}

const results = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'over-stdio', version: '1' },
  }),
  ping: () => ({}),
  'tools/list': () => ({
    tools: [
      { name: 'echo', description: 'Says what it is told.', inputSchema: { type: 'object' } },
    ],
  }),
}

const tools = {
  echo: ({ text: said }) => text(said),
  env: () => text(JSON.stringify(process.env)),
  pid: () => text(process.pid),
  slow: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve(text('slow')), ms)),
  crash: () => process.exit(3),
  complain: ({ text: said }) => {
    process.stderr.write(`${said}\n`)
    return text('said')
  },
  long: ({ bytes }) => {
    process.stdout.write('x'.repeat(bytes))
    return undefined
  },
  /** Writes a line of its own before it answers. */
  write: ({ line }) => {
    process.stdout.write(`${line}\n`)
    return text('written')
  },
  changed: () => {
    send({ method: 'notifications/tools/list_changed' })
    return text('changed')
  },
}

const lines = createInterface({ input: process.stdin })
lines.on('close', () => modes.has('stubborn') || process.exit(0))
lines.on('line', async (line) => {
  const { id, method, params = {} } = JSON.parse(line)
  if (id === undefined || method === undefined) return
  if (modes.has('silent')) return
  if (method === 'tools/call') {
    const result = await tools[params.name](params.arguments ?? {})
    if (result) send({ id, result })
  } else if (results[method]) send({ id, result: results[method](params) })
  else send({ id, error: { code: -32601, message: 'Method not found' } })
})

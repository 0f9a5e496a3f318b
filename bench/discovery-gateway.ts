/**
 * Souk as it is built and `npm start` runs it, on the data that was loaded: how soon it answers with the index that
 * it kept, what searches take over MCP with a client's own library, and how much memory it holds.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type Asked, ask } from './discovery-asking.js'
import { RESULTS } from './discovery-contender.js'
import type { Query } from './discovery-rows.js'
import { eventually, freePort, startProgram } from './processes.js'

/** As it was built; a benchmark installs nothing. */
const CLI = fileURLToPath(new URL('../dist/src/cli.js', import.meta.url))
/** The first start takes in the providers that ship. */
const TIMEOUT_MS = 600_000
const MAX_QUERY = 1_000

export type GatewayMeasured = Asked & {
  /** From the start of the process until it is ready, and until its first answer has come. */
  readyMs: number
  firstAnswerMs: number
  memoryBytes: number
  /** The most that it held. */
  mostMemoryBytes: number
}

/** @param folder the data; Souk must have closed it. */
export async function measureGateway(
  folder: string,
  queries: readonly Query[],
): Promise<GatewayMeasured> {
  const first = await startGateway(folder)
  await first.program.end()
  const startedAt = performance.now()
  const { url, program } = await startGateway(folder)
  const readyMs = performance.now() - startedAt
  const client = new Client(
    { name: 'bench', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  const find = async (query: string) => {
    const given = { query: query.slice(0, MAX_QUERY), limit: RESULTS }
    const answer = await client.callTool({ name: 'browse_apis', arguments: given })
    const { results } = answer.structuredContent as { results: { endpoint_id: string }[] }
    return results.map(({ endpoint_id }) => endpoint_id)
  }
  await find('ready')
  const firstAnswerMs = performance.now() - startedAt
  const asked = await ask({ find }, queries)
  const memoryBytes = memoryOf(program.pid, 'VmRSS')
  const mostMemoryBytes = memoryOf(program.pid, 'VmHWM')
  await client.close()
  await program.end()
  return { ...asked, readyMs, firstAnswerMs, memoryBytes, mostMemoryBytes }
}

async function startGateway(folder: string) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, PORT: String(port), SOUK_DATA_DIR: folder, SOUK_PUBLIC_BROWSE: 'on' }
  const program = startProgram(process.execPath, [...startOptions(), CLI, 'start'], {
    cwd: folder,
    env,
  })
  await eventually(program, TIMEOUT_MS, async () =>
    (await fetch(`${url}/readyz`)).ok ? true : undefined,
  )
  return { url, program }
}

/** What `npm start` tells Node. */
function startOptions(): string[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { start } = (JSON.parse(text) as { scripts: { start: string } }).scripts
  return start.split(' ').filter((word) => word.startsWith('--'))
}

/** As Linux tells it; 0 on other systems. */
function memoryOf(pid: number, name: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return 1_024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  } catch {
    return 0
  }
}

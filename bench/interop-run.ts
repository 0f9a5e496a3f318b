/** One client over one transport: it lists and buys at the marketplace, and at the gateway. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InteropClient, Transport } from './interop-client-list.js'
import { INTEROP_HOME, type Installed } from './interop-install.js'
import type { InteropMarket } from './interop-market.js'
import { startWire } from './interop-wire.js'
import { eventually, startProgram } from './processes.js'
import { ENDPOINT } from './souk-market.js'

const TIMEOUT_MS = 90_000
const REASON_CHARACTERS = 160

type Call = { name: string; arguments: object; expected: string }
/** What a client said, as `tell` of `interop-clients/task.mjs` writes it. */
type Told = { tools: string[]; answers: string[] }

export type Place = 'marketplace' | 'gateway'

/** What came of it at one place. */
export type Visit = {
  revision: string | undefined
  /** Whether it called, if it did, over the transport that it was told to use. */
  isAsTold: boolean
  hasListed: boolean
  /** For each call, whether its answer was right. */
  calls: boolean[]
  /** Whether exactly the calls that cost something were charged. */
  isCharged: boolean
  /** Why it ended early; one line. */
  fault: string | undefined
}

/** The calls at each place; all but looking cost something. */
const VISITS: Record<Place, { tools: string[]; calls: Call[]; paid: number }> = {
  marketplace: {
    tools: ['browse_apis', 'describe_endpoint', 'get_pricing', 'call_api', 'rate_seller'],
    calls: [
      { name: 'browse_apis', arguments: { query: 'echo a text' }, expected: ENDPOINT },
      {
        name: 'call_api',
        arguments: { endpoint_id: ENDPOINT, arguments: { text: 'souq' } },
        expected: 'echo:souq',
      },
    ],
    paid: 1,
  },
  gateway: {
    tools: ['echo_http', 'echo_mcp'],
    calls: [
      { name: 'echo_http', arguments: { text: 'bazaar' }, expected: 'echo:bazaar' },
      { name: 'echo_mcp', arguments: { text: 'market' }, expected: 'echo:market' },
    ],
    paid: 2,
  },
}

export async function visit(
  market: InteropMarket,
  installed: Installed,
  how: { transport: Transport; mode: string | undefined; place: Place },
): Promise<Visit> {
  const { tools, calls, paid } = VISITS[how.place]
  const wire = await startWire(market.url)
  const before = await market.paidCalls()
  const told = await ask(installed, {
    url: addressOf(wire.origin + market.paths[how.place], how.transport),
    ...{ transport: how.transport, mode: how.mode, key: market.key },
    calls: calls.map(({ name, arguments: args }) => ({ name, arguments: args })),
  }).catch((error: Error) => reasonIn(error.message))
  const after = await market.paidCalls()
  const called = wire.called()
  wire.close()
  const isAnswer = typeof told === 'object'
  return {
    revision: called?.revision,
    isAsTold: called === undefined || called.transport === how.transport,
    hasListed: isAnswer && tools.every((tool) => told.tools.includes(tool)),
    calls: calls.map(({ expected }, i) => isAnswer && told.answers[i]?.includes(expected) === true),
    isCharged: after - before === paid,
    fault: isAnswer ? undefined : told,
  }
}

function addressOf(url: string, transport: Transport): string {
  if (transport === 'http') return url
  return transport === 'sse' ? `${url}/sse` : `${url.replace('http', 'ws')}/ws`
}

/** @throws Error with the last words of a client that did not make it. */
async function ask({ node, program }: Installed, task: object): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-interop-'))
  const answerFile = join(folder, 'answer.json')
  const env = {
    // Some keep what they learn of a server in the home folder.
    ...{ PATH: process.env.PATH, HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
    INTEROP_TASK: JSON.stringify({ ...task, answerFile }),
  }
  const running = startProgram(node, [program], { env, cwd: folder })
  try {
    return await eventually(running, TIMEOUT_MS, async () =>
      existsSync(answerFile) ? (JSON.parse(readFileSync(answerFile, 'utf8')) as Told) : undefined,
    )
  } finally {
    await running.end()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The line of a program's last words that says most, without the paths of this machine. */
function reasonIn(words: string): string {
  const lines = words.split('\n').map((line) => line.trim())
  const line = lines.find((each) => /^\w*Error\b/.test(each)) ?? lines[0] ?? ''
  return line.replaceAll(INTEROP_HOME, '…').replaceAll(tmpdir(), '…').slice(0, REASON_CHARACTERS)
}

/** Its rows in the matrix: each transport in each mode. */
export function waysOf({ transports, modes }: InteropClient) {
  return transports.flatMap((transport) =>
    (modes ?? [undefined]).map((mode) => ({ transport, mode })),
  )
}

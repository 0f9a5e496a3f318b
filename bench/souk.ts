/** Souk itself, as it is built, on a database of its own: three ways to buy the same call. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatUsdc, nanos, parseUsdc } from '#core/money'
import type { Contender } from './contender.js'
import type { Target } from './load.js'
import { openSession, toolTarget } from './mcp-session.js'
import { eventually, freePort, type Program, startProgram } from './processes.js'
import { type Json, type Rest, restOf } from './rest.js'

const CLI = fileURLToPath(new URL('../dist/src/cli.js', import.meta.url))
/** What `npm start` tells Node. */
const NODE_OPTIONS = startOptions()
const START_TIMEOUT_MS = 60_000
const CREDIT = '1000'
const PRICE = '0.000001'
/** The price and its fee of 5 %: what the buyer pays for each call. */
const PAID = parseUsdc('0.00000105')
const ENDPOINT = 'bench-echo.echo'
const MODERN_VERSION = '2026-07-28'

export type Souk = {
  contenders: Contender[]
  /**
   * Checks that exactly so many calls were paid, and that the books are right.
   *
   * @throws Error that says what is wrong.
   */
  audit(calls: number): Promise<string>
  end(): Promise<void>
}

export async function startSouk(
  upstream: string,
  options: { callers: number; profile: string | undefined },
): Promise<Souk> {
  const dataDir = mkdtempSync(join(tmpdir(), 'souk-bench-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  const operatorKey = randomBytes(24).toString('hex')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const profiling = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : []
  const program = startProgram(process.execPath, [...NODE_OPTIONS, ...profiling, CLI, 'start'], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      SOUK_DATA_DIR: dataDir,
      SOUK_OPERATOR_KEY: operatorKey,
      SOUK_EGRESS_ALLOW: new URL(upstream).host,
      SOUK_MAX_IN_FLIGHT_PER_KEY: String(options.callers * 2),
      SOUK_MAX_IN_FLIGHT: String(options.callers * 2),
    },
  })
  await eventually(program, START_TIMEOUT_MS, async () =>
    (await fetch(`${url}/readyz`)).ok ? true : undefined,
  )
  const rest = restOf(url)
  const buyerKey = await openMarket(rest, operatorKey, upstream)
  return {
    contenders: await waysToBuy(url, buyerKey, program),
    audit: (calls) => audit(rest, { operatorKey, buyerKey, calls }),
    end: () => program.end(),
  }
}

function startOptions(): string[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { scripts: { start: string } }
  return scripts.start.split(' ').filter((word) => word.startsWith('--'))
}

/** A seller with the upstream as its listing, and a buyer with credit, whose key it gives. */
async function openMarket(rest: Rest, operatorKey: string, upstream: string): Promise<string> {
  const seller = await rest('POST', '/v1/accounts', operatorKey, { name: 'Bench seller' })
  const buyer = await rest('POST', '/v1/accounts', operatorKey, { name: 'Bench buyer' })
  const grant = { amount: CREDIT, reason: 'benchmark' }
  await rest('POST', `/v1/accounts/${buyer.id}/grants`, operatorKey, grant)
  const listing = await rest('POST', '/v1/listings', String(seller.api_key), {
    slug: 'bench-echo',
    title: 'Echo',
    description: 'Echoes a text, to measure what stands in front of it.',
    category: 'other',
    backend: { type: 'http', base_url: upstream },
    credential: { type: 'header', name: 'x-api-key', value: 'secret-of-the-bench' },
    endpoints: [
      {
        slug: 'echo',
        title: 'Echo a text',
        description: 'Gives the text back that it is sent.',
        method: 'POST',
        path: '/rest/echo',
        input_schema: {
          type: 'object',
          required: ['text'],
          properties: { text: { type: 'string' } },
        },
        price: { model: 'per_call', amount: PRICE },
        success: { status: '2xx' },
      },
    ],
  })
  await rest('POST', `/v1/listings/${listing.id}/publish`, String(seller.api_key))
  return String(buyer.api_key)
}

async function waysToBuy(url: string, key: string, { pid }: Program): Promise<Contender[]> {
  const authorization = `Bearer ${key}`
  const order = { endpoint_id: ENDPOINT, arguments: { text: 'hello-{n}.' } }
  const expected = ['"outcome":"charged"', '"text":"echo:hello-{n}."']
  const params = { name: 'call_api', arguments: order }
  const session = await openSession(`${url}/mcp`, { authorization })
  const targets: Record<string, Target> = {
    'souk-mcp': toolTarget(`${url}/mcp`, session, params, expected),
    'souk-mcp-modern': toolTarget(
      `${url}/mcp`,
      {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization,
        'mcp-protocol-version': MODERN_VERSION,
        'mcp-method': 'tools/call',
        'mcp-name': 'call_api',
      },
      {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
          'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
      expected,
    ),
    'souk-rest': {
      url: `${url}/v1/calls`,
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(order),
      expected,
    },
  }
  return Object.entries(targets).map(([name, target]) => ({ name, pid, target }))
}

async function audit(
  rest: Rest,
  { operatorKey, buyerKey, calls }: { operatorKey: string; buyerKey: string; calls: number },
): Promise<string> {
  const ledger = await rest('GET', '/v1/operator/ledger', operatorKey)
  const usage = await rest('GET', '/v1/usage?limit=1', buyerKey)
  const balance = await rest('GET', '/v1/balance', buyerKey)
  const paid = nanos(PAID * BigInt(calls))
  const totals = usage.totals as Json
  check('the ledger is balanced', ledger.balanced, true)
  check('open holds', ledger.open_holds, 0)
  check('calls in usage', totals.calls, calls)
  check('charged', totals.charged, formatUsdc(paid))
  check('available', balance.available, formatUsdc(nanos(parseUsdc(CREDIT) - paid)))
  check('held', balance.held, '0')
  return `${calls} calls paid, ${formatUsdc(paid)} USDC to the last nano; ledger balanced, no open holds`
}

function check(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return
  throw new Error(`Audit failed: ${what}: ${String(found)}, not ${String(expected)}`)
}

/** Souk with the echo as an MCP server, once free and once at a price, each behind a gateway. */
import { formatUsdc, nanos } from '#core/money'
import type { Contender } from './contender.js'
import { openSession, toolTarget } from './mcp-session.js'
import { type Json, type Rest, restOf } from './rest.js'
import { type GatewayOptions, startGateways } from './souk-gateways.js'
import { CREDIT, check, PAID, PRICE } from './souk-market.js'

/** By what `ONLY` names it: how a call is priced, and how it ends. */
const WAYS = {
  'souk-relay-free': { server: 'echo-free', price: { model: 'free' }, outcome: 'free' },
  'souk-relay-paid': {
    server: 'echo-paid',
    price: { model: 'per_call', amount: PRICE },
    outcome: 'charged',
  },
} as const
type Way = (typeof WAYS)[keyof typeof WAYS]

export const RELAYS: readonly string[] = Object.keys(WAYS)

export type RelayingSouk = {
  contenders: Contender[]
  /**
   * Checks that exactly so many calls were metered and paid, and that the books are right.
   *
   * @throws Error that says what is wrong.
   */
  audit(callsOf: (contender: Contender) => number): Promise<string>
  end(): Promise<void>
}

export async function startRelayingSouk(
  options: GatewayOptions & { isWanted(name: string): boolean },
): Promise<RelayingSouk> {
  const { home, postgres, upstream } = options
  const { urls, pids, operatorKey, end } = await startGateways(options)
  const rest = restOf(urls[0]!)
  const serverPid = home === 'sqlite' ? undefined : postgres!.pid
  const sold: { contender: Contender; buyer: Json; way: Way }[] = []
  for (const [name, way] of Object.entries(WAYS)) {
    if (!options.isWanted(name)) continue
    await register(rest, operatorKey, upstream, way)
    const buyer = await openBuyer(rest, operatorKey, name)
    const target = await openGateway(urls, buyer, way)
    const souk = { home, buyers: 1 }
    sold.push({ contender: { name, souk, pids, serverPid, target }, buyer, way })
  }
  return {
    contenders: sold.map(({ contender }) => contender),
    async audit(callsOf) {
      const said: string[] = []
      for (const { contender, buyer, way } of sold) {
        said.push(await auditBuyer(rest, buyer, way, callsOf(contender)))
      }
      const ledger = await rest('GET', '/v1/operator/ledger', operatorKey)
      check('the ledger is balanced', ledger.balanced, true)
      check('open holds', ledger.open_holds, 0)
      return `${home}: ${said.join('; ')}; ledger balanced, no open holds`
    },
    end,
  }
}

async function register(rest: Rest, operatorKey: string, upstream: string, way: Way) {
  const server = await rest('POST', '/v1/admin/mcp-servers', operatorKey, {
    ...{ name: way.server, transport: 'streamable_http', url: `${upstream}/mcp` },
    default_price: way.price,
  })
  check(`tools of ${way.server}`, server.tool_count, 1)
}

async function openBuyer(rest: Rest, operatorKey: string, name: string): Promise<Json> {
  const buyer = await rest('POST', '/v1/accounts', operatorKey, { name })
  const grant = { amount: CREDIT, reason: 'benchmark' }
  await rest('POST', `/v1/accounts/${buyer.id}/grants`, operatorKey, grant)
  return buyer
}

/** One session; every gateway process of one database takes it. */
async function openGateway(urls: string[], buyer: Json, { server, outcome }: Way) {
  const key = String(buyer.api_key)
  await restOf(urls[0]!)('POST', '/v1/gateways', key, {
    ...{ name: 'Relay', type: 'mcp', endpoint: 'relay' },
    configuration: { tools: [{ endpoint_id: `mcp-${server}.echo`, name: 'echo' }] },
  })
  const gateways = urls.map((url) => `${url}/mcp/${buyer.slug}/relay`)
  const session = await openSession(gateways[0]!, { authorization: `Bearer ${key}` })
  const params = { name: 'echo', arguments: { text: 'hello-{n}.' } }
  const expected = [`"outcome":"${outcome}"`, '"text":"echo:hello-{n}."']
  return toolTarget(gateways, [session], params, expected)
}

async function auditBuyer(rest: Rest, buyer: Json, { outcome }: Way, calls: number) {
  const { totals } = await rest('GET', '/v1/usage?limit=1', String(buyer.api_key))
  const usage = totals as { calls: number; charged: string }
  const charged = outcome === 'free' ? nanos(0n) : nanos(PAID * BigInt(calls))
  check(`calls in usage, ${outcome}`, usage.calls, calls)
  check(`charged, ${outcome}`, usage.charged, formatUsdc(charged))
  return `${calls} calls ${outcome}, ${formatUsdc(charged)} USDC to the last nano`
}

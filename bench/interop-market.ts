/** A gateway of Souk for the clients: an HTTP API and an MCP server at a price, and one buyer. */
import { forkFile, messageOf } from './processes.js'
import { restOf } from './rest.js'
import { startGateways } from './souk-gateways.js'
import { check, ENDPOINT, openMarket, PRICE } from './souk-market.js'

export type InteropMarket = {
  url: string
  key: string
  /** Where the marketplace is, and where the buyer's gateway. */
  paths: { marketplace: string; gateway: string }
  /** How many calls the buyer has paid so far. */
  paidCalls(): Promise<number>
  /** @throws Error when the books are not right. */
  close(): Promise<void>
}

export async function openInteropMarket(): Promise<InteropMarket> {
  const upstream = await messageOf<string>(forkFile('./upstream.ts'))
  const options = { home: 'sqlite', postgres: undefined, upstream, profile: undefined } as const
  const { urls, operatorKey, end } = await startGateways({ ...options, callers: 8 })
  const url = urls[0]!
  const rest = restOf(url)
  const market = await openMarket(rest, operatorKey, upstream)
  const [key = ''] = await market.openBuyers(1)
  const { slug } = await rest('GET', '/v1/me', key)
  await rest('POST', '/v1/admin/mcp-servers', operatorKey, {
    ...{ name: 'echo', transport: 'streamable_http', url: `${upstream}/mcp` },
    default_price: { model: 'per_call', amount: PRICE },
  })
  await rest('POST', '/v1/gateways', key, {
    ...{ name: 'Interop', type: 'mcp', endpoint: 'interop' },
    configuration: {
      tools: [
        { endpoint_id: ENDPOINT, name: 'echo_http' },
        { endpoint_id: 'mcp-echo.echo', name: 'echo_mcp' },
      ],
    },
  })
  return {
    url,
    key,
    paths: { marketplace: '/mcp', gateway: `/mcp/${slug}/interop` },
    async paidCalls() {
      const { totals } = await rest('GET', '/v1/usage?limit=1', key)
      return (totals as { calls: number }).calls
    },
    async close() {
      const ledger = await rest('GET', '/v1/operator/ledger', operatorKey)
      check('the ledger is balanced', ledger.balanced, true)
      check('open holds', ledger.open_holds, 0)
      await end()
    },
  }
}

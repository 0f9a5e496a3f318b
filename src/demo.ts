/** `souk demo`: an agent over MCP, told as a story, against the running gateway or one of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type Jwk, verifyReceipt } from '#receipts'
import type { Config } from './config.js'
import { start } from './main.js'
import { addressOf, answers } from './running-gateway.js'

type Say = (line: string) => void
type Result = Record<string, unknown>

/** @returns the exit code. */
export async function playDemo(config: Config, say: Say): Promise<number> {
  const url = addressOf(config)
  if (await answers(url)) {
    const key = sandboxKey(config)
    if (key === undefined) {
      say(`The gateway at ${url} has no sandbox buyer in ${config.dataDir}.`)
      return 1
    }
    await play(url, key, say)
    return 0
  }
  say('No gateway is running; starting one for the demo.')
  const { gateway, doors, drain } = await start(config, { say })
  try {
    if (!doors.sandbox) {
      say('The demo buys from the sample seller, which exists only with SOUK_SANDBOX=on.')
      return 1
    }
    await play(gateway.deps.publicUrl, doors.sandbox.buyerKey, say)
    return 0
  } finally {
    await drain()
  }
}

async function play(url: string, key: string, say: Say): Promise<void> {
  const agent = await connect(url, key)
  say(
    `\nAn agent connects to ${url}/mcp and finds ${(await agent.client.listTools()).tools.length} tools.`,
  )

  say('\n1. It needs the sunrise in Berlin and searches: browse_apis "sunrise time in Berlin"')
  const found = await agent.use('browse_apis', { query: 'sunrise time in Berlin' })
  for (const { endpoint_id, title, price } of found.results as Result[]) {
    say(`   ${endpoint_id}  ${title}  at most ${(price as Result).max_total} USDC`)
  }

  say('\n2. It takes the one that needs no network: describe_endpoint sample.sun')
  const described = await agent.use('describe_endpoint', { endpoint_id: 'sample.sun' })
  const { properties } = described.input_schema as { properties: object }
  say(`   ${described.title}: takes ${Object.keys(properties).join(', ')}`)

  const args = { latitude: 52.52, longitude: 13.41, date: '2026-06-21' }
  say(`\n3. It asks for the price of exactly its call: get_pricing ${JSON.stringify(args)}`)
  const priced = await agent.use('get_pricing', { endpoint_id: 'sample.sun', arguments: args })
  const quote = priced.quote as Result
  say(
    `   at most ${quote.max_charge} + fee ${quote.max_fee} = ${quote.max_total} USDC until ${quote.expires_at}`,
  )

  say('\n4. It buys: call_api with the quote and an idempotency key')
  const order = {
    endpoint_id: 'sample.sun',
    arguments: args,
    quote_id: quote.quote_id,
    idempotency_key: crypto.randomUUID(),
  }
  const bought = await agent.use('call_api', order)
  const charge = bought.charge as Result
  say(`   ${JSON.stringify(bought.body)}`)
  say(
    `   ${bought.outcome}: ${charge.amount} + fee ${charge.fee} = ${charge.total} USDC, ${bought.balance} left`,
  )

  say('\n5. The connection "breaks"; it repeats the call with the same key')
  const repeated = await agent.use('call_api', order)
  say(
    `   same call ${repeated.call_id === bought.call_id}, same receipt ${repeated.receipt === bought.receipt}, balance still ${repeated.balance}`,
  )

  say('\n6. It buys from an upstream that fails: call_api sample.flaky')
  const failed = await agent.use('call_api', {
    endpoint_id: 'sample.flaky',
    arguments: { mode: 'graphql-error' },
  })
  say(
    `   status ${failed.status}, ${failed.code}: ${failed.message} ${failed.outcome}, charged ${(failed.charge as Result).total}`,
  )

  say('\n7. It verifies the receipt offline, with nothing but the public keys')
  await verify(url, bought, say)

  say('\n8. It looks at what it spent, and rates the seller: get_usage, rate_seller')
  const { totals } = await agent.use('get_usage', { limit: 5 })
  say(`   ${JSON.stringify(totals)}`)
  const rated = await agent.use('rate_seller', { call_id: bought.call_id, score: 5 })
  say(`   ${JSON.stringify(rated.seller)}`)
  await agent.client.close()
  say('\nThat is the whole story.\n')
}

async function verify(url: string, bought: Result, say: Say): Promise<void> {
  const response = await fetch(`${url}/.well-known/jwks.json`)
  const jwks = (await response.json()) as { keys: Jwk[] }
  const result = await verifyReceipt(bought.receipt as string, { jwks })
  say(result.valid ? `   VALID: ${result.checks.join(', ')}` : `   NOT VALID: ${result.reason}`)
  const forged = (bought.receipt as string).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  const again = await verifyReceipt(forged, { jwks })
  say(`   with one character changed: ${again.valid ? 'VALID' : 'NOT VALID'}`)
}

async function connect(url: string, key: string) {
  const client = new Client(
    { name: 'souk-demo', version: '0.1.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${key}` } },
    }),
  )
  const use = async (name: string, args: Record<string, unknown>): Promise<Result> =>
    (await client.callTool({ name, arguments: args })).structuredContent as Result
  return { client, use }
}

function sandboxKey({ dataDir }: Config): string | undefined {
  const file = join(dataDir, 'sandbox-keys.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).buyer : undefined
}

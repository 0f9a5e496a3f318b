/**
 * Ten everyday wishes, played as an agent would over MCP: browse, describe, call. What each step
 * costs in tokens, and the transcripts, as Markdown. docs/agent-tasks.md is what it wrote.
 *
 *   npx tsx --conditions=souk-source bench/agent-tasks.ts [--documents FOLDER] [--out FILE]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { TASKS } from './agent-tasks-list.js'
import { type Market, openTasksMarket } from './agent-tasks-market.js'
import { type Played, play, tokensOf } from './agent-tasks-play.js'
import { pageOf } from './agent-tasks-report.js'

const { values } = parseArgs({
  options: { documents: { type: 'string' }, out: { type: 'string' } },
})
const dataDir = mkdtempSync(join(tmpdir(), 'souk-tasks-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))
const called = new Set(
  TASKS.flatMap(({ ways }) => Object.keys(ways)).map((id) => id.split('.')[0]!),
)
const market = await openTasksMarket(dataDir, values.documents, { called, say: console.error })
const page = await playAll(market)
await market.close()
if (values.out === undefined) console.log(page)
else writeFileSync(values.out, page)
process.exit()

async function playAll({ url, buyerKey, counts }: Market): Promise<string> {
  const client = new Client(
    { name: 'agent-tasks', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const headers = { authorization: `Bearer ${buyerKey}` }
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers },
  })
  await client.connect(transport)
  const { tools } = await client.listTools()
  const shown = tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }))
  const played: Played[] = []
  for (const [i, task] of TASKS.entries()) played.push(await play(client, task, `task-${i + 1}`))
  await client.close()
  const tokens = {
    tools: tokensOf(JSON.stringify({ tools })),
    shown: tokensOf(JSON.stringify(shown)),
  }
  return pageOf({ played, counts, tokens })
}

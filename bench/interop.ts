/**
 * `npm run interop`: MCP clients from npm, old and new, list and buy through Souk; the result is
 * `docs/interop.md`. The clients are installed in `INTEROP_HOME`, a temporary folder unless it is
 * set. With a part of their names behind it only those are tried, and nothing is written.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CLIENTS, type InteropClient } from './interop-client-list.js'
import { type Installed, install } from './interop-install.js'
import { type InteropMarket, openInteropMarket } from './interop-market.js'
import { isGood, page, type Row } from './interop-report.js'
import { visit, waysOf } from './interop-run.js'
import { endAllOnExit } from './processes.js'

const PAGE = fileURLToPath(new URL('../docs/interop.md', import.meta.url))

endAllOnExit()
const [only = ''] = process.argv.slice(2)
const wanted = CLIENTS.filter((client) => client.package.includes(only))
const market = await openInteropMarket()
const rows: Row[] = []
for (const client of wanted) rows.push(...(await rowsOf(market, client)))
await market.close()
const text = page(rows, new Date().toISOString().slice(0, 10))
if (only === '') writeFileSync(PAGE, text)
else console.log(text)
process.exit(rows.every(isGood) ? 0 : 1)

async function rowsOf(market: InteropMarket, client: InteropClient): Promise<Row[]> {
  const installed = installedOrReason(client)
  const rows: Row[] = []
  for (const way of waysOf(client)) {
    if (typeof installed === 'string') {
      rows.push({ client, ...way, fault: installed })
      continue
    }
    const marketplace = await visit(market, installed, { ...way, place: 'marketplace' })
    const gateway = await visit(market, installed, { ...way, place: 'gateway' })
    const row: Row = { client, ...way, marketplace, gateway }
    const { transport, mode = '' } = way
    console.error(`${isGood(row) ? 'ok' : 'NO'}  ${client.package} ${transport} ${mode}`)
    rows.push(row)
  }
  return rows
}

function installedOrReason(client: InteropClient): Installed | string {
  try {
    return install(client)
  } catch (error) {
    return (error as Error).message
  }
}

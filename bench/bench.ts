/**
 * `npm run bench`: paid calls, beside what they are compared with. `npm run bench ledger`: nothing
 * but hold and capture. `npm run bench relay`: a tool of an MCP server behind a gateway. `settings.ts` says what can be set. `npm run bench:discovery`: the search.
 */
import { benchDiscovery } from './discovery.js'
import { benchLedger } from './ledger.js'
import { benchPaidCalls } from './paid-calls.js'
import { endAllOnExit } from './processes.js'
import { benchRelay } from './relay.js'
import { readSettings } from './settings.js'
import { machine } from './table.js'

endAllOnExit()
const before = machine()
const [what, ...rest] = process.argv.slice(2)
if (what === 'discovery') {
  await benchDiscovery(rest)
} else if (what === 'ledger') {
  print(await benchLedger(readSettings({ CALLERS: '1,64,256', SECONDS: '2', ...process.env })))
} else {
  const { tables, faults } =
    what === 'relay'
      ? await benchRelay(readSettings({ CALLERS: '1,32', HOMES: 'sqlite', ...process.env }))
      : await benchPaidCalls(readSettings(process.env))
  print(tables)
  for (const fault of faults) console.log(fault)
  if (faults.length > 0) process.exitCode = 1
}
process.exit()

function print(result: string): void {
  console.log(`${new Date().toISOString()}\n${before}\n\n${result}`)
}

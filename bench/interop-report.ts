/** The matrix as Markdown. */
import type { InteropClient, Transport } from './interop-client-list.js'
import type { Visit } from './interop-run.js'
import { markdown } from './table.js'

/** One client over one transport; `fault` where it could not even be installed. */
export type Row = {
  client: InteropClient
  transport: Transport
  mode: string | undefined
} & ({ marketplace: Visit; gateway: Visit } | { fault: string })

const TRANSPORTS: Record<Transport, string> = {
  http: 'Streamable HTTP',
  sse: 'HTTP+SSE',
  ws: 'WebSocket',
}

/** Modes that say something of the client rather than which program it is. */
const MODES = ['legacy', 'auto', 'pinned', 'modern']

const HEADINGS = [
  'client',
  'version',
  'transport',
  'revision',
  'list',
  'buy at `/mcp`',
  'gateway: HTTP endpoint',
  "gateway: MCP server's tool",
]

export function isGood(row: Row): boolean {
  return 'marketplace' in row && [row.marketplace, row.gateway].every(isRight)
}

function isRight({ isAsTold, hasListed, calls, isCharged }: Visit): boolean {
  return isAsTold && hasListed && isCharged && calls.every(Boolean)
}

/** The whole page. @param today as it is written, YYYY-MM-DD. */
export function page(rows: readonly Row[], today: string): string {
  const good = rows.filter(isGood).length
  const clients = new Set(rows.filter(isGood).map(({ client }) => client.package)).size
  return `# Interoperability

Written by \`npm run interop\` on ${today}: ${clients} releases of MCP clients, ${good} of ${rows.length} ways to connect
work. Each row is a process of its own with the package from npm. It lists the tools and calls them: at the
marketplace \`browse_apis\` and a paid \`call_api\`, at a gateway a paid tool that is an HTTP endpoint and a paid one
that is a tool of an MCP server. "yes" means that the answer was right and that exactly these calls were charged;
transport and revision are those on the wire when the tools were called.

${markdown([HEADINGS, ...rows.map(cellsOf)], '---')}
${notes(rows)}`
}

function cellsOf(row: Row): string[] {
  const { client, transport, mode } = row
  const at = client.package.lastIndexOf('@')
  const name = client.package.slice(0, at)
  const asked = mode !== undefined && MODES.includes(mode) ? `, ${mode}` : ''
  const head = [`\`${name}\`${asked}`, client.package.slice(at + 1)]
  if (!('marketplace' in row)) return [...head, TRANSPORTS[transport], '–', '–', '–', '–', '–']
  const { marketplace, gateway } = row
  const isAsTold = marketplace.isAsTold && gateway.isAsTold
  const revisions = new Set([marketplace.revision, gateway.revision].filter(Boolean))
  return [
    ...head,
    isAsTold ? TRANSPORTS[transport] : `**not** ${TRANSPORTS[transport]}`,
    [...revisions].join(', ') || '–',
    yes(marketplace.hasListed && gateway.hasListed),
    yes(marketplace.calls.every(Boolean) && marketplace.isCharged),
    ...gateway.calls.map((isRight) => yes(isRight && gateway.isCharged)),
  ]
}

function yes(is: boolean): string {
  return is ? 'yes' : '**no**'
}

/** What a reader has to know of some clients, and why some failed. */
function notes(rows: readonly Row[]): string {
  const known = rows.flatMap(({ client }) =>
    client.note ? `\`${client.package}\`: ${client.note}` : [],
  )
  const failed = rows.flatMap((row) => {
    const name = `\`${row.client.package}\` over ${TRANSPORTS[row.transport]}`
    const faults = 'fault' in row ? [row.fault] : [row.marketplace.fault, row.gateway.fault]
    return faults.flatMap((fault) => (fault === undefined ? [] : `${name}: ${fault}`))
  })
  const lines = [...new Set([...known, ...failed])]
  return lines.length === 0 ? '' : `\n${lines.map((line) => `- ${line}`).join('\n')}\n`
}

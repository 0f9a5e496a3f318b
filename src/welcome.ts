/** What a person sees when the gateway is ready. */
import type { Started } from './main.js'

export function welcome({ gateway, doors }: Started): string {
  const { publicUrl } = gateway.deps
  const lines = [
    '',
    `Souk is ready at ${publicUrl}  (MCP: ${publicUrl}/mcp, REST: ${publicUrl}/docs)`,
  ]
  if (doors.operatorKey !== undefined) {
    lines.push('', `Operator key (shown only now):  ${doors.operatorKey}`)
  }
  const key = doors.sandbox?.isNew ? doors.sandbox.buyerKey : undefined
  if (key !== undefined) lines.push(`Sandbox buyer key, 5 USDC:      ${key}`)
  lines.push(
    '',
    'Connect an agent, for example Claude Code:',
    `  claude mcp add --transport http souk ${publicUrl}/mcp --header "Authorization: Bearer ${key ?? '<key>'}"`,
    'or any client that takes a JSON configuration:',
    `  ${clientSnippet(publicUrl, key ?? '<key>')}`,
    '',
  )
  if (doors.sandbox) lines.push('See it buy something:  npm run demo', '')
  return lines.join('\n')
}

function clientSnippet(publicUrl: string, key: string): string {
  const headers = { Authorization: `Bearer ${key}` }
  return JSON.stringify({
    mcpServers: { souk: { type: 'http', url: `${publicUrl}/mcp`, headers } },
  })
}

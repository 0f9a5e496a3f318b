/** Which surface, and which transport, a URL below `/mcp` means. */

export type Transport = 'http' | 'sse' | 'messages' | 'ws'

export type Address = {
  transport: Transport
  /** Absent for the marketplace. */
  gateway?: { account: string; endpoint: string }
}

const SEGMENT = /^[a-z0-9-]{1,64}$/
const OTHER_TRANSPORTS: readonly string[] = ['sse', 'messages', 'ws']

/**
 * `/mcp` and `/mcp/{account}/{endpoint}`, each alone for Streamable HTTP or with `/sse`, `/messages`
 * or `/ws` behind it; `undefined` for every other path.
 */
export function addressOf(url: string): Address | undefined {
  const [path = ''] = url.split('?')
  const [root, mcp, ...rest] = path.replace(/\/$/, '').split('/')
  if (root !== '' || mcp !== 'mcp') return undefined
  // An odd number: the last one names a transport.
  const transport = rest.length % 2 === 1 ? rest.pop()! : 'http'
  if (transport !== 'http' && !OTHER_TRANSPORTS.includes(transport)) return undefined
  const [account, endpoint, ...more] = rest
  if (more.length > 0 || !rest.every((segment) => SEGMENT.test(segment))) return undefined
  const at = { transport: transport as Transport }
  if (account === undefined || endpoint === undefined) return at
  return { ...at, gateway: { account, endpoint } }
}

/** The path of an address without its transport. */
export function pathOf({ gateway }: Address): string {
  return gateway ? `/mcp/${gateway.account}/${gateway.endpoint}` : '/mcp'
}

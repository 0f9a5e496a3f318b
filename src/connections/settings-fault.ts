/** Why settings of a server cannot work, found without touching the network. */
import { isHeaderName } from '#upstreams'
import type { ServerSettings } from './server-settings.js'

/** Headers that frame the message or that the protocol writes. */
const OWN_HEADERS = new Set([
  ...['accept', 'accept-encoding', 'connection', 'content-encoding', 'content-length'],
  ...['content-type', 'expect', 'host', 'keep-alive', 'last-event-id', 'mcp-method', 'mcp-name'],
  ...['mcp-protocol-version', 'mcp-session-id', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
])

/** A sentence that repeats no value, or `undefined`. */
export function faultOf(settings: ServerSettings, stdio: 'on' | 'off'): string | undefined {
  if (settings.transport === 'stdio') return processFault(settings, stdio)
  if (settings.transport !== 'streamable_http' && settings.transport !== 'sse') {
    return 'transport must be streamable_http, sse or stdio.'
  }
  const { url, headers = {} } = settings
  if (url === undefined || !URL.canParse(url)) return 'url must be a URL.'
  const { protocol, username, password } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return 'url must be https.'
  if (username !== '' || password !== '') return 'url must not hold a user name or password.'
  return Object.entries(headers)
    .map(([name, value]) => headerFault(name, value))
    .find((fault) => fault !== undefined)
}

function headerFault(name: string, value: string): string | undefined {
  if (!isHeaderName(name)) return 'headers: a name is not the name of a header.'
  const lower = name.toLowerCase()
  if (OWN_HEADERS.has(lower)) return `headers: "${lower}" is written by the gateway.`
  if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    return `headers: the value of "${lower}" cannot stand in a header.`
  }
  return undefined
}

function processFault(
  { command, args = [], env = {}, cwd }: ServerSettings,
  stdio: 'on' | 'off',
): string | undefined {
  if (stdio === 'off') return 'Servers over stdio are off; the operator may enable them.'
  if (command === undefined || command === '') return 'command must name a program.'
  const texts = [command, ...args, ...Object.entries(env).flat(), cwd ?? '']
  if (texts.some((text) => typeof text !== 'string' || text.includes('\0'))) {
    return 'command, args, env and cwd must be texts without NUL.'
  }
  return Object.keys(env).some((name) => name === '' || name.includes('='))
    ? 'env: a name is not the name of a variable.'
    : undefined
}

/** Which request headers a seller's argument or credential may aim at, and what may stand in one. */

/** Headers that frame the message, route it, or are written by Souk itself. */
const RESERVED = new Set([
  '__proto__',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'cookie2',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-souk-call',
])

/** Whether `name` may be set neither by an argument nor by a credential. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return RESERVED.has(lower) || lower.startsWith('proxy-')
}

/** An RFC 9110 token. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(name)
}

/** What HTTP/1.1 can carry in one header line: Latin-1 without control characters other than tab. */
export function isHeaderValue(value: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(value)
}

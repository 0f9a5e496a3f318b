/**
 * Where a program may have people sent back to: https, http on the same machine, or a scheme of its
 * own. What was registered must come back to the letter, but for the port on the same machine, which
 * programs take as they find it.
 */

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])
const MAX_URIS = 10
const MAX_CHARS = 2_000
/**
 * A scheme that a program has for itself: a reversed domain name (RFC 8252), or, as editors have it, a
 * word before `//`. The latter may be claimed by another program, too; what PKCE is for.
 */
const REVERSED_DOMAIN = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/
const OWN_WORD = /^[a-z][a-z0-9+-]*:\/\/[^/]/
/** Words that mean something to a browser. */
const TAKEN =
  /^(https?|wss?|ftp|file|filesystem|data|javascript|vbscript|blob|about|view-source|jar|chrome[\w-]*|moz-[\w-]*|resource|intent|android-app|ms-[\w-]*):/

/** What is wrong with a list of redirect URIs, if anything; the message starts with their name. */
export function faultInRedirectUris(uris: unknown): string | undefined {
  if (!Array.isArray(uris) || uris.length === 0 || uris.length > MAX_URIS) {
    return `redirect_uris must be a list of 1 to ${MAX_URIS}`
  }
  return uris.map(faultIn).find((fault) => fault !== undefined)
}

function faultIn(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || uri.length > MAX_CHARS || !URL.canParse(uri)) {
    return 'redirect_uris must be absolute URIs'
  }
  // Browsers drop or turn some characters; then what is compared is not where people go.
  if (/[\s\\*#]/.test(uri) || !/^[\x21-\x7e]+$/.test(uri)) {
    return 'redirect_uris must have no fragment, wildcard, backslash or space'
  }
  const { protocol, hostname, username, password } = new URL(uri)
  if (username !== '' || password !== '') return 'redirect_uris must hold no user name'
  if (protocol === 'https:') return undefined
  if (protocol === 'http:' && LOOPBACK.has(hostname)) return undefined
  const isOwn = REVERSED_DOMAIN.test(uri) || OWN_WORD.test(uri)
  if (isOwn && !TAKEN.test(protocol)) return undefined
  return 'redirect_uris must be https, http to this machine, or a scheme of its own such as com.example.app'
}

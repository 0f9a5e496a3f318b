/** What follows from the settings of a server, worked out once per settings object. */
import { createHash } from 'node:crypto'
import { type Scrubber, scrubberOf, type Tokens } from '#upstreams'
import { isWritable } from './messages.js'
import { CALL_TIMEOUT_MS, CONNECT_TIMEOUT_MS, type ServerSettings } from './server-settings.js'
import { faultOf } from './settings-fault.js'

export type Server = {
  id: string
  name: string
  settings: ServerSettings
  /** Why the settings cannot work. */
  fault: string | undefined
  url: URL | undefined
  /** Names in lower case. */
  headers: Record<string, string>
  /** The same for the same settings: who reaches what, with which credential. */
  fingerprint: string
  connectTimeoutMs: number
  callTimeoutMs: number
  /** Whether connections made for one can serve the other. */
  isSameAs(other: Server): boolean
  /** Takes the secrets out of what comes back, tokens in use included. */
  scrubber(): Scrubber
  /** The bearer token for the next request, `undefined` where none is configured. */
  bearer(): Promise<string> | undefined
  /** The server said 401 to `token`. */
  refused(token: string): void
}

/** Tokens follow each other; a slow answer may still hold the one before. */
const TOKENS_KEPT = 2

export function prepareServer(
  settings: ServerSettings,
  deps: { tokens: Tokens; stdio: 'on' | 'off' },
): Server {
  const fault = faultOf(settings, deps.stdio)
  const { token } = settings
  const secrets = secretsOf(settings)
  let live: string[] = []
  let scrubber: Scrubber | undefined

  async function bearer(): Promise<string> {
    const text = await ('provider' in token! ? token.provider() : deps.tokens.bearerFor(token!))
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new Error('The token provider gives no token that can be sent.')
    }
    if (!live.includes(text)) {
      live = [text, ...live].slice(0, TOKENS_KEPT)
      scrubber = undefined
    }
    return text
  }

  const fingerprint = createHash('sha256').update(JSON.stringify(settings)).digest('hex')
  return {
    id: settings.id,
    name: settings.name,
    settings,
    fault,
    url: fault === undefined && settings.url !== undefined ? new URL(settings.url) : undefined,
    headers: Object.fromEntries(
      Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    fingerprint,
    isSameAs: (other) =>
      other.fingerprint === fingerprint && providerOf(other.settings) === providerOf(settings),
    connectTimeoutMs: settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    callTimeoutMs: settings.callTimeoutMs ?? CALL_TIMEOUT_MS,
    scrubber: () => (scrubber ??= scrubberOf([...secrets, ...live])),
    bearer: () => (token === undefined ? undefined : bearer()),
    refused(text) {
      if (token !== undefined && !('provider' in token)) deps.tokens.refused(token, text)
    },
  }
}

function providerOf({ token }: ServerSettings): unknown {
  return token && 'provider' in token ? token.provider : undefined
}

/** Shorter values could not be told from ordinary text. */
const MIN_SECRET_CHARACTERS = 8
const SECRET_NAME = /auth|cookie|cred|key|pass|pwd|secret|session|signature|token/i
/** A long run of letters and digits that is no word, path or sentence. */
const SECRET_VALUE = /^(?=.*\d)(?=.*[A-Za-z])[\w\-.+=~]{20,}$/

/**
 * The values that must never come back. A plain word in a header or variable (`production`) is no
 * secret, and taking it out of every answer would do harm.
 */
function secretsOf({ headers, env, token, url }: ServerSettings): string[] {
  const named = [...Object.entries(headers ?? {}), ...Object.entries(env ?? {})]
    .filter(([name, value]) => SECRET_NAME.test(name) || SECRET_VALUE.test(value))
    .flatMap(([, value]) => partsOf(value))
  if (url !== undefined && URL.canParse(url)) {
    for (const [name, value] of new URL(url).searchParams) {
      if (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) named.push(value)
    }
  }
  if (token !== undefined && 'client_secret' in token) named.push(token.client_secret)
  if (token !== undefined && 'service_account_json' in token) {
    const { private_key, private_key_id } = token.service_account_json
    for (const value of [private_key, private_key_id]) {
      if (typeof value === 'string') named.push(value)
    }
  }
  return named.filter((value) => value.length >= MIN_SECRET_CHARACTERS)
}

/** `Bearer abc` is secret as a whole and in its second half; `Basic abc` also in what it encodes. */
function partsOf(value: string): string[] {
  const [scheme = '', rest] = value.split(/ (.*)/s)
  if (rest === undefined) return [value]
  if (scheme.toLowerCase() !== 'basic') return [value, rest]
  const pair = Buffer.from(rest, 'base64').toString()
  return [value, rest, pair, pair.slice(pair.indexOf(':') + 1)]
}

/**
 * A value of a server's message without the secrets of its settings; the same one if it has none,
 * and nothing of one that is nested too deeply to be passed on, or is no value without them.
 */
export function scrubbedValue(server: Server, value: unknown): unknown {
  if (value === undefined || !isWritable(value)) return undefined
  const bytes = Buffer.from(JSON.stringify(value))
  const clean = scrubbedJson(server.scrubber(), bytes)
  return clean === bytes ? value : clean && JSON.parse(clean.toString())
}

/**
 * JSON without secrets; `undefined` where it is none any more then, as when one stood there as a
 * number, or began with the second half of an escape.
 */
export function scrubbedJson(scrubber: Scrubber, bytes: Buffer): Buffer | undefined {
  const clean = scrubber.bytes(bytes, bytes.length)
  if (clean === bytes) return bytes
  try {
    JSON.parse(clean.toString())
    return clean
  } catch {
    return undefined
  }
}

/** A sentence without the secrets of the settings. */
export function scrubbedText(server: Server, text: string): string {
  const bytes = Buffer.from(text)
  return server.scrubber().bytes(bytes, bytes.length).toString()
}

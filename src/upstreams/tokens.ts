/** Bearer tokens that are fetched: OAuth 2 client credentials, and Google service accounts. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import type { Credential } from './credential.js'
import type { Answer } from './upstreams.js'

export type TokenSource =
  | Extract<Credential, { type: 'oauth2_client_credentials' }>
  | {
      type: 'google_service_account'
      /** The key file: `client_email`, `private_key` and `token_uri` are read. */
      service_account_json: Record<string, unknown>
      scopes: readonly string[]
    }

export type Tokens = {
  /**
   * A token that is good for a while yet. Pass the same source object again: the token is
   * remembered with it.
   *
   * @throws Problem `upstream_failed` or `upstream_timeout`, without secrets, and
   *   `invalid_request` for a source that can never work.
   */
  bearerFor(source: TokenSource): Promise<string>
  /** The server said 401 to `token`: the next one is fetched. */
  refused(source: TokenSource, token: string): void
}

/** Sends a form to a token endpoint, through the guard, redirects unfollowed. */
export type PostForm = (
  url: string,
  form: Record<string, string>,
  limits: { maxBytes: number; timeoutMs: number },
) => Promise<Answer>

type Kept = { token: string; renewMs: number; endsMs: number }
type Entry = { kept: Kept | undefined; fetching: Promise<Kept> | undefined }

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024
/** Where the server names no life: as long as is usual. */
const USUAL_LIFE_S = 3600
const RENEW_BEFORE_MS = 60_000
/** Of a life that is shorter than ten such times, this part. */
const RENEW_BEFORE_PART = 0.1
/** What Google takes at most. */
const ASSERTION_LIFE_S = 3600
const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const MAX_TOKEN_CHARACTERS = 16 * 1024

export function createTokens({ post, clock }: { post: PostForm; clock: Clock }): Tokens {
  const entries = new WeakMap<TokenSource, Entry>()

  function entryOf(source: TokenSource): Entry {
    const entry = entries.get(source) ?? { kept: undefined, fetching: undefined }
    entries.set(source, entry)
    return entry
  }

  /** One fetch at a time, shared by all who wait. */
  function fetchOnce(source: TokenSource, entry: Entry): Promise<Kept> {
    entry.fetching ??= fetchToken(source)
      .then((kept) => {
        entry.kept = kept
        return kept
      })
      .finally(() => {
        entry.fetching = undefined
      })
    return entry.fetching
  }

  async function fetchToken(source: TokenSource): Promise<Kept> {
    const nowMs = clock.now()
    const { url, form } = requestFor(source, nowMs)
    const limits = { maxBytes: MAX_ANSWER_BYTES, timeoutMs: TIMEOUT_MS }
    const { token, lifeMs } = tokenIn(await post(url, form, limits))
    const early = Math.min(RENEW_BEFORE_MS, lifeMs * RENEW_BEFORE_PART)
    return { token, renewMs: nowMs + lifeMs - early, endsMs: nowMs + lifeMs }
  }

  return {
    async bearerFor(source) {
      const entry = entryOf(source)
      if (entry.kept && clock.now() < entry.kept.renewMs) return entry.kept.token
      try {
        return (await fetchOnce(source, entry)).token
      } catch (error) {
        // The token endpoint may be away while the old token still works.
        if (entry.kept && clock.now() < entry.kept.endsMs) return entry.kept.token
        throw error
      }
    },
    refused(source, token) {
      const entry = entryOf(source)
      if (entry.kept?.token === token) entry.kept = undefined
    },
  }
}

type TokenRequest = { url: string; form: Record<string, string> }

function requestFor(source: TokenSource, nowMs: number): TokenRequest {
  if (source.type === 'google_service_account') return assertionRequest(source, nowMs)
  const { scopes = [], extra_params, client_id, client_secret } = source
  const form: Record<string, string> = {
    ...extra_params,
    grant_type: 'client_credentials',
    client_id,
    client_secret,
  }
  if (scopes.length > 0) form.scope = scopes.join(' ')
  return { url: source.token_url, form }
}

/** The JWT bearer grant (RFC 7523) as Google's endpoint takes it. */
function assertionRequest(
  source: Extract<TokenSource, { type: 'google_service_account' }>,
  nowMs: number,
): TokenRequest {
  const { client_email, private_key, private_key_id, token_uri } = source.service_account_json
  if (typeof client_email !== 'string') throw unfit('client_email')
  const url = typeof token_uri === 'string' ? token_uri : GOOGLE_TOKEN_URI
  const key = keyIn(private_key)
  const issuedS = Math.floor(nowMs / 1000)
  const head = { alg: 'RS256', typ: 'JWT', ...(private_key_id ? { kid: private_key_id } : {}) }
  const claims = {
    iss: client_email,
    scope: source.scopes.join(' '),
    aud: url,
    iat: issuedS,
    exp: issuedS + ASSERTION_LIFE_S,
  }
  const text = `${base64url(head)}.${base64url(claims)}`
  const signature = sign('sha256', Buffer.from(text), key).toString('base64url')
  return { url, form: { grant_type: JWT_BEARER, assertion: `${text}.${signature}` } }
}

function keyIn(text: unknown): KeyObject {
  try {
    const key = createPrivateKey(String(text))
    if (key.asymmetricKeyType === 'rsa') return key
  } catch {
    // Told below: the reason may hold parts of the key.
  }
  throw unfit('private_key')
}

function unfit(field: string): Problem {
  return new Problem('invalid_request', `service_account_json.${field} is missing or not usable.`)
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function tokenIn(answer: Answer): { token: string; lifeMs: number } {
  if (answer.kind === 'unanswered') {
    const code = answer.reason === 'timeout' ? 'upstream_timeout' : 'upstream_failed'
    throw new Problem(code, `No token could be had. ${answer.detail}`)
  }
  const body = objectIn(answer.body)
  if (answer.status !== 200) throw refusedBy(answer.status, body?.error)
  const { access_token: token, expires_in: life } = body ?? {}
  if (
    typeof token !== 'string' ||
    !/^[\x21-\x7e]+$/.test(token) ||
    token.length > MAX_TOKEN_CHARACTERS
  ) {
    throw new Problem(
      'upstream_failed',
      'The token endpoint answers without a usable access_token.',
    )
  }
  const lifeS = Number(life)
  return { token, lifeMs: (lifeS > 0 && Number.isFinite(lifeS) ? lifeS : USUAL_LIFE_S) * 1000 }
}

/** The code of RFC 6749 is told, as it says what to correct; the description may repeat a secret. */
function refusedBy(status: number, error: unknown): Problem {
  const code = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? `, ${error}` : ''
  return new Problem('upstream_failed', `The token endpoint refuses (status ${status}${code}).`)
}

function objectIn(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The seller's credential: what one may look like, and how it is written into a request, last. */
import { Problem } from '#core/problem'
import { isHeaderName, isReservedHeader } from './header-rules.js'

export type Credential =
  | { type: 'none' }
  | { type: 'bearer'; token: string }
  | { type: 'header'; name: string; value: string }
  | { type: 'query'; name: string; value: string }
  | { type: 'basic'; username: string; password: string }
  /** A bearer token that is fetched with this, kept while it is good, and fetched again. */
  | {
      type: 'oauth2_client_credentials'
      token_url: string
      client_id: string
      client_secret: string
      scopes?: readonly string[] | undefined
      /** For example `audience`. */
      extra_params?: Record<string, string> | undefined
    }

/** Shorter secrets could not be told from ordinary text when an answer is scrubbed. */
const MIN_SECRET_CHARACTERS = 8

/**
 * Checks a credential before it is sealed.
 *
 * @throws Problem `invalid_request`; the sentence never repeats a value.
 */
export function checkCredential(credential: Credential): void {
  const fault = faultOf(credential)
  if (fault) throw new Problem('invalid_request', `credential.${fault}`)
}

function faultOf(credential: Credential): string | undefined {
  switch (credential.type) {
    case 'none':
      return undefined
    case 'bearer':
      return secretFault('token', credential.token) ?? visibleFault('token', credential.token)
    case 'header':
      return (
        headerFault(credential.name) ??
        secretFault('value', credential.value) ??
        visibleFault('value', credential.value)
      )
    case 'query':
      if (credential.name === '') return 'name must name a query parameter.'
      return textFault('name', credential.name) ?? secretFault('value', credential.value)
    case 'basic':
      return (
        textFault('username', credential.username) ??
        // The first colon ends the user name.
        (credential.username.includes(':') ? 'username must not contain a colon.' : undefined) ??
        secretFault('password', credential.password)
      )
    case 'oauth2_client_credentials':
      return clientFault(credential)
    default:
      return 'type must be none, bearer, header, query, basic or oauth2_client_credentials.'
  }
}

/** The parts of a credential that must never come back, as they are and as they are sent. */
export function secretsOf(credential: Credential): string[] {
  switch (credential.type) {
    case 'none':
      return []
    case 'bearer':
      return [credential.token]
    case 'header':
      return [credential.value, ...afterScheme(credential.value)]
    case 'query':
      return [credential.value]
    case 'basic':
      return [credential.password, `${credential.username}:${credential.password}`]
    case 'oauth2_client_credentials':
      return [credential.client_secret, `${credential.client_id}:${credential.client_secret}`]
  }
}

/** Writes the credential into `headers`, over whatever stood there; query credentials change nothing. */
export function writeCredentialHeader(
  headers: Record<string, string>,
  credential: Credential,
): void {
  if (credential.type === 'bearer') headers.authorization = `Bearer ${credential.token}`
  if (credential.type === 'header') headers[credential.name.toLowerCase()] = credential.value
  if (credential.type === 'basic') {
    const pair = Buffer.from(`${credential.username}:${credential.password}`)
    headers.authorization = `Basic ${pair.toString('base64')}`
  }
}

/**
 * The path and query to send: a query credential replaces what has its name, in whichever case, as
 * the members of an argument can name parameters freely; the rest stays.
 */
export function pathWithCredential(url: URL, credential: Credential): string {
  if (credential.type !== 'query') return url.pathname + url.search
  const name = encodeURIComponent(credential.name)
  const lower = name.toLowerCase()
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && pair.split('=', 1)[0]!.toLowerCase() !== lower)
  return `${url.pathname}?${[...kept, `${name}=${encodeURIComponent(credential.value)}`].join('&')}`
}

/** Whether the URL may be reached is judged when a token is fetched, as it is for every call. */
function clientFault(
  credential: Extract<Credential, { type: 'oauth2_client_credentials' }>,
): string | undefined {
  const { token_url, client_id, client_secret, scopes = [], extra_params = {} } = credential
  const isUrl = typeof token_url === 'string' && /^https?:\/\//.test(token_url)
  if (!isUrl || !URL.canParse(token_url)) return 'token_url must be an https URL.'
  const texts = [...scopes, ...Object.entries(extra_params).flat()]
  return (
    textFault('client_id', client_id) ??
    secretFault('client_secret', client_secret) ??
    texts.map((text) => textFault('scopes and extra_params', text)).find((fault) => fault)
  )
}

/** What stands behind a word such as `Token`: a server may show it without that. */
function afterScheme(value: string): string[] {
  const secret = /^\S+ (\S+)$/.exec(value)?.[1] ?? ''
  return secret.length < MIN_SECRET_CHARACTERS ? [] : [secret]
}

function headerFault(name: unknown): string | undefined {
  if (typeof name !== 'string' || !isHeaderName(name)) return 'name must name a header.'
  return isReservedHeader(name) ? `name must not be "${name}".` : undefined
}

function secretFault(field: string, value: unknown): string | undefined {
  const fault = textFault(field, value)
  if (fault) return fault
  return (value as string).length < MIN_SECRET_CHARACTERS
    ? `${field} must have at least ${MIN_SECRET_CHARACTERS} characters.`
    : undefined
}

function textFault(field: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return `${field} must be a text.`
  return /[\x00-\x1f\x7f]/.test(value) || !value.isWellFormed()
    ? `${field} must not contain control characters.`
    : undefined
}

/** Servers trim white space around a header value, and read what is not ASCII in different ways. */
function visibleFault(field: string, value: string): string | undefined {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
    ? undefined
    : `${field} must be printable ASCII without spaces around it.`
}

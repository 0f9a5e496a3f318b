/** What is refused at listing time, so that no argument can do harm at call time. */
import { Problem } from '#core/problem'
import { isHeaderName, isReservedHeader } from './header-rules.js'
import {
  baseOf,
  declaredProperties,
  type HttpTarget,
  type Placement,
  placementOf,
  templateParts,
} from './http-shape.js'

/** Where a credential goes; never its value. */
type CredentialPlace = { type: string; name?: string | undefined }

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const PLACEMENTS: readonly string[] = ['path', 'query', 'header', 'body']

/**
 * Checks that an endpoint can be sold with this kind of credential: a well-formed base URL and path
 * template, and no argument that aims at the credential, at the framing of the message or out of
 * the template. Whether the host may be reached is asked of `Upstreams.checkReachable`.
 *
 * @throws Problem `invalid_request` with a sentence that names what to change.
 */
export function checkTarget(target: HttpTarget, credential: CredentialPlace): void {
  if (!METHODS.includes(target.method)) refuse(`method must be one of ${METHODS.join(', ')}.`)
  parseBaseUrl(target.baseUrl)
  checkTemplate(target)
  const headers = new Set<string>()
  for (const [name, property] of declaredProperties(target)) {
    const placement = placementOf(target, name, property)
    if (!PLACEMENTS.includes(placement)) {
      refuse(`x-in of "${name}" must be one of ${PLACEMENTS.join(', ')}.`)
    }
    checkPlacement(target, name, placement)
    if (placement === 'query') checkQueryName(name, credential)
    if (placement === 'header') checkHeaderName(name, credential, headers)
  }
}

/**
 * A base URL without anything that could smuggle: only scheme, host, port and path.
 *
 * @throws Problem `invalid_request`.
 */
export function parseBaseUrl(baseUrl: string): URL {
  if (!URL.canParse(baseUrl)) refuse(`base_url "${baseUrl}" is not a URL.`)
  const url = new URL(baseUrl)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('base_url must be https.')
  if (url.username !== '' || url.password !== '') {
    refuse('base_url must not hold a user name or password; put them into credential.')
  }
  if (baseUrl.includes('?') || baseUrl.includes('#')) {
    refuse('base_url must have neither a query nor a fragment.')
  }
  if (/\/\/|\\|%2e|%2f|%5c/i.test(url.pathname)) {
    refuse('The path of base_url must not contain "//", a backslash or encoded dots or slashes.')
  }
  return url
}

function checkTemplate(target: HttpTarget): void {
  const { path } = target
  if (!path.startsWith('/')) refuse(`path "${path}" must start with "/".`)
  if (/[?#\\]|\.\.|\/\//.test(path)) {
    refuse(`path "${path}" must not contain "?", "#", "..", "//" or a backslash.`)
  }
  const { literals, variables } = templateParts(path)
  if (literals.some((literal) => /[{}]/.test(literal))) refuse(`path "${path}" has a stray brace.`)
  const properties = new Map(declaredProperties(target))
  const required: unknown = target.inputSchema.required
  for (const name of variables) {
    if (!properties.has(name)) refuse(`path variable "${name}" is not among the properties.`)
    if (!Array.isArray(required) || !required.includes(name)) {
      refuse(`path variable "${name}" must be required.`)
    }
  }
  const sample = baseOf(target.baseUrl).base + literals.join('x')
  if (!URL.canParse(sample) || new URL(sample).href !== sample) {
    refuse(`path "${path}" has characters that must be percent-encoded.`)
  }
}

function checkPlacement(target: HttpTarget, name: string, placement: Placement): void {
  const isInTemplate = templateParts(target.path).variables.includes(name)
  if (isInTemplate !== (placement === 'path')) {
    refuse(
      isInTemplate
        ? `"${name}" is in the path template, so its x-in must be path.`
        : `"${name}" has x-in path, but the path template has no {${name}}.`,
    )
  }
  if (placement === 'body' && (target.method === 'GET' || target.method === 'HEAD')) {
    refuse(`"${name}" has x-in body, but ${target.method} has no body.`)
  }
}

/** Compared without case: some servers read parameter names so. */
function checkQueryName(name: string, credential: CredentialPlace): void {
  if (!name.isWellFormed()) refuse('A query parameter name has a lone surrogate.')
  if (credential.type === 'query' && name.toLowerCase() === credential.name?.toLowerCase()) {
    refuse(`"${name}" is the credential's own query parameter.`)
  }
}

function checkHeaderName(name: string, credential: CredentialPlace, taken: Set<string>): void {
  const lower = name.toLowerCase()
  if (!isHeaderName(name)) refuse(`"${name}" is not a header name.`)
  if (isReservedHeader(name) || lower === 'authorization') {
    refuse(`An argument must not set the header "${name}".`)
  }
  if (credential.type === 'header' && lower === credential.name?.toLowerCase()) {
    refuse(`"${name}" is the credential's own header.`)
  }
  if (taken.has(lower)) refuse(`Two arguments aim at the header "${name}".`)
  taken.add(lower)
}

function refuse(detail: string): never {
  throw new Problem('invalid_request', detail)
}

/** What is refused at listing time, so that no argument can do harm at call time. */
import { Problem } from '#core/problem'
import {
  bodyTypeOf,
  declaredProperties,
  type Placement,
  type Slot,
  type Style,
  slotsOf,
  templateParts,
} from './argument-slot.js'
import { isHeaderName, isReservedHeader } from './header-rules.js'
import { baseOf, type HttpTarget } from './http-shape.js'
import { isJsonType, isMediaType, isMultipartType, isUrlEncodedType } from './media-type.js'

/** Where a credential goes; never its value. */
type CredentialPlace = { type: string; name?: string | undefined }

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const DELIMITED: readonly Style[] = ['spaceDelimited', 'pipeDelimited', 'tabDelimited']
const PAIR_STYLES: readonly Style[] = ['form', 'deepObject', ...DELIMITED]
/** Which styles a place knows; a body only where it is a form. */
const STYLES: Record<Placement, readonly Style[]> = {
  path: ['simple', 'label', 'matrix', ...DELIMITED],
  query: PAIR_STYLES,
  header: ['simple', ...DELIMITED],
  cookie: ['form'],
  body: PAIR_STYLES,
}
const PLACEMENTS: readonly string[] = Object.keys(STYLES)

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
  const slots = slotsOf(target)
  const taken = new Set<string>()
  for (const [argument, slot] of slots) {
    const { place, name } = slot
    if (!PLACEMENTS.includes(place)) {
      refuse(`x-in of "${argument}" must be one of ${PLACEMENTS.join(', ')}.`)
    }
    checkPlacement(target, argument, slot)
    if (slot.style !== undefined && !STYLES[place].includes(slot.style)) {
      refuse(`x-style of "${argument}" must be one of ${STYLES[place].join(', ')} in ${place}.`)
    }
    if (place === 'query') checkQueryName(name, credential)
    if (place === 'header') checkHeaderName(name, credential)
    if (place === 'cookie' && encodeURIComponent(name) !== name) {
      refuse(`"${name}" is not a name that a cookie can have without encoding.`)
    }
    const aim = `${place} ${place === 'header' ? name.toLowerCase() : name}`
    if (taken.has(aim)) refuse(`Two arguments aim at the ${place} "${name}".`)
    taken.add(aim)
  }
  checkBody(target, slots)
}

/** A whole body stands alone; styles and files belong to forms. */
function checkBody(target: HttpTarget, slots: Map<string, Slot>): void {
  const mediaType = bodyTypeOf(target, slots.values())
  const inBody = [...slots].filter(([, { place }]) => place === 'body')
  const isWhole = inBody.some(([, { whole }]) => whole !== undefined)
  if (!isMediaType(mediaType)) refuse('x-media-type of the schema must be a media type.')
  if (isWhole && inBody.length > 1) refuse('An argument with x-body must be the only one in body.')
  const [isForm, isMultipart] = [isUrlEncodedType(mediaType), isMultipartType(mediaType)]
  if (inBody.length > 0 && !isWhole && !isForm && !isMultipart && !isJsonType(mediaType)) {
    refuse(`A body of type ${mediaType} must be one argument with x-body.`)
  }
  for (const [argument, slot] of slots) {
    const isPart = slot.place === 'body' && isMultipart && !isWhole
    const isField = slot.place === 'body' && isForm && !isWhole
    if (slot.whole !== undefined && slot.place !== 'body') {
      refuse(`"${argument}" has x-body, so its x-in must be body.`)
    }
    if (slot.isFile && !isPart)
      refuse(`"${argument}" has x-file outside a multipart/form-data body.`)
    if (slot.allowReserved && slot.place !== 'query' && !isField) {
      refuse(`"${argument}" has x-allow-reserved outside a query or a form.`)
    }
    if (slot.place === 'body' && slot.style !== undefined && !isPart && !isField) {
      refuse(`"${argument}" has a style or a media type of its own, but the body is no form.`)
    }
    if (slot.mediaType !== undefined && !isPart && !isJsonType(slot.mediaType)) {
      refuse(`x-media-type of "${argument}" must be a JSON type such as application/json.`)
    }
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

function checkPlacement(target: HttpTarget, argument: string, { place, name }: Slot): void {
  const isInTemplate = templateParts(target.path).variables.includes(argument)
  if (isInTemplate !== (place === 'path')) {
    refuse(
      isInTemplate
        ? `"${argument}" is in the path template, so its x-in must be path.`
        : `"${argument}" has x-in path, but the path template has no {${argument}}.`,
    )
  }
  if (!name.isWellFormed()) refuse(`The name of "${argument}" has a lone surrogate.`)
  if (place === 'body' && (target.method === 'GET' || target.method === 'HEAD')) {
    refuse(`"${argument}" has x-in body, but ${target.method} has no body.`)
  }
}

/** Compared without case: some servers read parameter names so. */
function checkQueryName(name: string, credential: CredentialPlace): void {
  if (credential.type === 'query' && name.toLowerCase() === credential.name?.toLowerCase()) {
    refuse(`"${name}" is the credential's own query parameter.`)
  }
}

function checkHeaderName(name: string, credential: CredentialPlace): void {
  const lower = name.toLowerCase()
  if (!isHeaderName(name)) refuse(`"${name}" is not a header name.`)
  if (isReservedHeader(name) || lower === 'authorization') {
    refuse(`An argument must not set the header "${name}".`)
  }
  if (credential.type === 'header' && lower === credential.name?.toLowerCase()) {
    refuse(`"${name}" is the credential's own header.`)
  }
}

function refuse(detail: string): never {
  throw new Problem('invalid_request', detail)
}

/** From validated arguments to the exact request. Pure: no network, no credential, no clock. */
import { Problem } from '#core/problem'
import { bodyTypeOf, type Slot, slotsOf, templateParts } from './argument-slot.js'
import {
  encodeQuery,
  encodeReserved,
  isGiven,
  pairsOf,
  partsFault,
  pathText,
  scalarText,
  simpleText,
  wellFormedFault,
} from './argument-styles.js'
import { isHeaderValue } from './header-rules.js'
import { type BodyArgument, bodyOf } from './request-body.js'

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What an endpoint calls. Never changed after it was made: what follows from it is remembered. */
export type HttpTarget = {
  /** `https://api.example/v1`; a path prefix is kept. */
  baseUrl: string
  method: HttpMethod
  /** `/search/{space}`: each variable stands for one encoded value. */
  path: string
  /** The JSON Schema of the arguments; its `x-` annotations say where and how each is sent. */
  inputSchema: Record<string, unknown>
}

export type UpstreamRequest = {
  method: HttpMethod
  /** Absolute, normal form, without the credential. */
  url: string
  /** Names in lower case, without the credential. */
  headers: Record<string, string>
  body?: Buffer
}

/** A refused argument: a JSON pointer into the arguments, and a sentence. */
type Fault = { path: string; message: string }

type Plan = {
  method: HttpMethod
  origin: string
  /** Origin and path prefix, without a trailing slash. */
  base: string
  /** The template split at its variables: one literal more than there are variables. */
  literals: string[]
  variables: string[]
  /** What every path of this target starts with, whatever the arguments. */
  fixedPath: string
  slots: Map<string, Slot>
  /** Names of query parameters in lower case: a member of an exploded object must be none of them. */
  queryNames: Set<string>
  body: { mediaType: string; isWhole: boolean } | undefined
}

const MAX_FAULTS = 20
/** Taking lists and objects apart can write a name many times; no server takes a longer query. */
const MAX_QUERY_CHARS = 1024 * 1024

const plans = new WeakMap<HttpTarget, Plan>()

/**
 * The request that these arguments make. They must have passed the target's schema.
 *
 * @throws Problem `invalid_arguments` with `facts.paths` for a value that has no safe place: an
 *   empty path value, `.` or `..`, a header value that HTTP cannot carry, an undeclared name.
 */
export function shapeRequest(target: HttpTarget, args: Record<string, unknown>): UpstreamRequest {
  const plan = planOf(target)
  const places: Places = { query: [], headers: {}, cookies: [], body: [] }
  const faults: Fault[] = []
  const refuse = (name: string, message: string) => faults.push({ path: pointer(name), message })

  for (const [name, value] of Object.entries(args)) {
    const fault = place(plan, name, value, places)
    if (fault) refuse(name, fault)
  }
  const path = fillPath(plan, args, refuse)
  const body = plan.body && bodyOf(places.body, plan.body.mediaType, plan.body.isWhole, refuse)
  if (faults.length > 0) throw refusal(faults)

  const { query, headers, cookies } = places
  const url = `${plan.base}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
  assertInside(plan, url)
  if (cookies.length > 0) headers.cookie = cookies.join('; ')
  if (body === undefined) return { method: plan.method, url, headers }
  headers['content-type'] = body.contentType
  return { method: plan.method, url, headers, body: body.bytes }
}

/** Origin and path prefix of a base URL, without a trailing slash. */
export function baseOf(baseUrl: string): { origin: string; base: string } {
  const { origin, pathname } = new URL(baseUrl)
  return { origin, base: origin + pathname.replace(/\/$/, '') }
}

function planOf(target: HttpTarget): Plan {
  const known = plans.get(target)
  if (known) return known
  const { origin, base } = baseOf(target.baseUrl)
  const { literals, variables } = templateParts(target.path)
  const slots = slotsOf(target)
  const inBody = [...slots.values()].filter(({ place }) => place === 'body')
  const inQuery = [...slots.values()].filter(({ place }) => place === 'query')
  const plan: Plan = {
    method: target.method,
    origin,
    base,
    literals,
    variables,
    fixedPath: base.slice(origin.length) + literals[0]!,
    slots,
    queryNames: new Set(inQuery.map(({ name }) => name.toLowerCase())),
    body:
      inBody.length === 0
        ? undefined
        : {
            mediaType: bodyTypeOf(target, inBody),
            isWhole: inBody.some(({ whole }) => whole !== undefined),
          },
  }
  plans.set(target, plan)
  return plan
}

type Places = {
  query: string[]
  headers: Record<string, string>
  cookies: string[]
  body: BodyArgument[]
}

/** Puts one argument where it belongs, or says why it cannot go there. */
function place(plan: Plan, argument: string, value: unknown, places: Places): string | undefined {
  const slot = plan.slots.get(argument)
  if (slot === undefined) return 'This endpoint has no such argument.'
  if (slot.place === 'body') places.body.push({ argument, slot, value })
  if (slot.place === 'path' || slot.place === 'body' || !isGiven(value)) return
  if (slot.place === 'header') return placeHeader(slot, value, places.headers)
  if (slot.place === 'cookie') return placeCookie(slot, value, places.cookies)
  if (slot.style !== undefined) return placeStyled(plan, slot, value, places.query)
  if (!Array.isArray(value)) return placePlain(slot, value, places.query)
  for (const item of value) {
    const fault = isGiven(item) ? placePlain(slot, item, places.query) : undefined
    if (fault !== undefined) return fault
  }
}

function placePlain(slot: Slot, value: unknown, query: string[]): string | undefined {
  const text = scalarText(value)
  if (!text.isWellFormed()) return wellFormedFault(text)
  query.push(`${slot.queryName}=${encodeQuery(text)}`)
}

function placeHeader(
  slot: Slot,
  value: unknown,
  headers: Record<string, string>,
): string | undefined {
  const text =
    slot.style !== undefined
      ? simpleText(slot, value, (it) => it)
      : Array.isArray(value)
        ? value.map(scalarText).join(',')
        : scalarText(value)
  if (!isHeaderValue(text)) return 'It has characters that a header cannot carry.'
  headers[slot.name.toLowerCase()] = text
}

function placeCookie(slot: Slot, value: unknown, cookies: string[]): string | undefined {
  const fault = partsFault(value, wellFormedFault)
  if (fault !== undefined) return fault
  for (const [name, text] of pairsOf(slot, value, encodeURIComponent)) {
    cookies.push(`${name}=${text}`)
  }
}

function placeStyled(plan: Plan, slot: Slot, value: unknown, query: string[]): string | undefined {
  const fault = partsFault(value, wellFormedFault) ?? memberFault(plan, slot, value)
  if (fault !== undefined) return fault
  let chars = 0
  for (const [name, text] of pairsOf(
    slot,
    value,
    slot.allowReserved ? encodeReserved : encodeQuery,
  )) {
    chars += name.length + text.length
    if (chars > MAX_QUERY_CHARS) return 'It is too long.'
    query.push(`${name}=${text}`)
  }
}

/** An exploded object's members become parameters of their own, but never another argument's. */
function memberFault(plan: Plan, slot: Slot, value: unknown): string | undefined {
  if (!slot.explode || slot.style === 'deepObject' || slot.mediaType !== undefined) return undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const taken = Object.keys(value).find((name) => plan.queryNames.has(name.toLowerCase()))
  return taken === undefined ? undefined : `Its member "${taken}" has the name of another argument.`
}

function fillPath(
  plan: Plan,
  args: Record<string, unknown>,
  refuse: (name: string, message: string) => void,
): string {
  let path = plan.literals[0]!
  for (const [i, name] of plan.variables.entries()) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined
    const slot = plan.slots.get(name)
    const isStyled = slot?.style !== undefined
    const fault = isStyled ? styledPathFault(value) : pathFault(value)
    if (fault) refuse(name, fault)
    else {
      const text = isStyled
        ? pathText(slot, value, encodeURIComponent)
        : encodeURIComponent(String(value))
      path += text + plan.literals[i + 1]!
    }
  }
  return path
}

/** Every text of a list or an object in the path keeps to the rule for a single one. */
function styledPathFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return pathFault(value)
  return Object.values(value).some(isGiven)
    ? partsFault(value, pathFault)
    : 'A part of the path must not be empty.'
}

function pathFault(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return undefined
  if (typeof value !== 'string') return 'A part of the path must be a text, a number or a boolean.'
  if (value === '' || value === '.' || value === '..') {
    return 'A part of the path must not be empty, "." or "..".'
  }
  return wellFormedFault(value)
}

/** The last line against path injection: what is sent is what was built, below the template. */
function assertInside(plan: Plan, url: string): void {
  const parsed = new URL(url)
  const isInside =
    parsed.href === url &&
    parsed.origin === plan.origin &&
    parsed.pathname.startsWith(plan.fixedPath)
  if (!isInside) throw new Error('an argument led the request out of its template')
}

function refusal(faults: Fault[]): Problem {
  const [first] = faults
  return new Problem('invalid_arguments', `${first!.path}: ${first!.message}`, {
    facts: { paths: faults.slice(0, MAX_FAULTS) },
  })
}

function pointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** From validated arguments to the exact request. Pure: no network, no credential, no clock. */
import { Problem } from '#core/problem'
import { isHeaderValue } from './header-rules.js'

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What an endpoint calls. Never changed after it was made: what follows from it is remembered. */
export type HttpTarget = {
  /** `https://api.example/v1`; a path prefix is kept. */
  baseUrl: string
  method: HttpMethod
  /** `/search/{space}`: each variable stands for one encoded value. */
  path: string
  /** The JSON Schema of the arguments; `x-in` of a property says where it goes. */
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

export type Placement = 'path' | 'query' | 'header' | 'body'

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
  placements: Map<string, Placement>
  sendsBody: boolean
}

const MAX_FAULTS = 20
const VARIABLE = /\{([^{}]*)\}/

const plans = new WeakMap<HttpTarget, Plan>()

/**
 * The request that these arguments make. They must have passed the target's schema.
 *
 * @throws Problem `invalid_arguments` with `facts.paths` for a value that has no safe place: an
 *   empty path value, `.` or `..`, a header value that HTTP cannot carry, an undeclared name.
 */
export function shapeRequest(target: HttpTarget, args: Record<string, unknown>): UpstreamRequest {
  const plan = planOf(target)
  const query: string[] = []
  const headers: Record<string, string> = {}
  const body: [string, unknown][] = []
  const faults: Fault[] = []

  for (const [name, value] of Object.entries(args)) {
    const fault = place(plan.placements.get(name), name, value, { query, headers, body })
    if (fault) faults.push({ path: pointer(name), message: fault })
  }
  const path = fillPath(plan, args, faults)
  if (faults.length > 0) throw refusal(faults)

  const url = `${plan.base}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
  assertInside(plan, url)
  if (!plan.sendsBody) return { method: plan.method, url, headers }
  headers['content-type'] = 'application/json'
  // Object.fromEntries defines members, so that a declared `__proto__` is a member like any other.
  const bytes = Buffer.from(JSON.stringify(Object.fromEntries(body)))
  return { method: plan.method, url, headers, body: bytes }
}

/** Where the argument `name` goes: as `x-in` says, else by the template and the method. */
export function placementOf(target: HttpTarget, name: string, property: unknown): Placement {
  const stated = (property as { 'x-in'?: Placement } | null)?.['x-in']
  if (stated !== undefined) return stated
  if (templateParts(target.path).variables.includes(name)) return 'path'
  return target.method === 'GET' || target.method === 'HEAD' || target.method === 'DELETE'
    ? 'query'
    : 'body'
}

/** The properties that a target's schema declares. */
export function declaredProperties(target: HttpTarget): [string, unknown][] {
  return Object.entries((target.inputSchema.properties ?? {}) as Record<string, unknown>)
}

/** A path template split at its variables: `/a/{b}/c` is `['/a/', '/c']` and `['b']`. */
export function templateParts(path: string): { literals: string[]; variables: string[] } {
  const parts = path.split(VARIABLE)
  return {
    literals: parts.filter((_, i) => i % 2 === 0),
    variables: parts.filter((_, i) => i % 2 === 1),
  }
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
  const placements = new Map(
    declaredProperties(target).map(([name, property]) => [
      name,
      placementOf(target, name, property),
    ]),
  )
  const plan: Plan = {
    method: target.method,
    origin,
    base,
    literals,
    variables,
    fixedPath: base.slice(origin.length) + literals[0]!,
    placements,
    sendsBody: [...placements.values()].includes('body'),
  }
  plans.set(target, plan)
  return plan
}

type Places = {
  query: string[]
  headers: Record<string, string>
  body: [string, unknown][]
}

/** Puts one argument where it belongs, or says why it cannot go there. */
function place(
  placement: Placement | undefined,
  name: string,
  value: unknown,
  { query, headers, body }: Places,
): string | undefined {
  if (placement === undefined) return 'This endpoint has no such argument.'
  if (placement === 'body') body.push([name, value])
  if (placement === 'path' || placement === 'body' || value === undefined || value === null) return
  if (placement === 'query') {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === undefined || item === null) continue
      const text = scalarText(item)
      if (!text.isWellFormed()) return 'It has a lone surrogate, which has no UTF-8 form.'
      query.push(`${encode(name)}=${encode(text)}`)
    }
    return
  }
  const text = Array.isArray(value) ? value.map(scalarText).join(',') : scalarText(value)
  if (!isHeaderValue(text)) return 'It has characters that a header cannot carry.'
  headers[name.toLowerCase()] = text
}

function fillPath(plan: Plan, args: Record<string, unknown>, faults: Fault[]): string {
  let path = plan.literals[0]!
  for (const [i, name] of plan.variables.entries()) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined
    const fault = pathFault(value)
    if (fault) faults.push({ path: pointer(name), message: fault })
    else path += encodeURIComponent(String(value)) + plan.literals[i + 1]!
  }
  return path
}

function pathFault(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return undefined
  if (typeof value !== 'string') return 'A part of the path must be a text, a number or a boolean.'
  if (value === '' || value === '.' || value === '..') {
    return 'A part of the path must not be empty, "." or "..".'
  }
  if (!value.isWellFormed()) return 'It has a lone surrogate, which has no UTF-8 form.'
  return undefined
}

function scalarText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

/** The URL parser would encode an apostrophe in a query itself; `assertInside` wants no change. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
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

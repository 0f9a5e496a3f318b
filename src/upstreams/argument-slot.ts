/** Where each argument of an endpoint goes and in which form, as its schema's annotations say. */
import { encodeQuery } from './argument-styles.js'
import type { HttpTarget } from './http-shape.js'

export type Placement = 'path' | 'query' | 'header' | 'cookie' | 'body'

/** OpenAPI's styles; `tabDelimited` is the `tsv` of Swagger 2.0. */
export type Style =
  | 'simple'
  | 'label'
  | 'matrix'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'tabDelimited'
  | 'deepObject'

/** What a whole body is made of: any JSON, a text, or bytes given as base64. */
export type WholeBody = 'json' | 'text' | 'base64'

/** One argument on the wire. */
export type Slot = {
  place: Placement
  /** Its name on the wire; the argument may have another one. */
  name: string
  /** The name as it stands in a query. */
  queryName: string
  /** Absent for a plain argument: texts as they are, lists repeated or joined, objects as JSON. */
  style?: Style
  /** Whether lists and objects are taken apart into several pairs. */
  explode: boolean
  allowReserved: boolean
  /** Of this value alone: JSON outside a multipart body, the type of the part within one. */
  mediaType?: string
  /** This argument is the body, not a member of it. */
  whole?: WholeBody
  isFile: boolean
}

const DEFAULT_STYLES: Record<Placement, Style> = {
  path: 'simple',
  query: 'form',
  header: 'simple',
  cookie: 'form',
  body: 'form',
}

const DEFAULT_WHOLE_TYPES: Record<WholeBody, string> = {
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  base64: 'application/octet-stream',
}

type Annotations = {
  'x-in'?: Placement
  'x-name'?: string
  'x-style'?: Style
  'x-explode'?: boolean
  'x-allow-reserved'?: boolean
  'x-media-type'?: string
  'x-body'?: WholeBody
  'x-file'?: boolean
}

/** The slot of each argument that the target's schema declares. */
export function slotsOf(target: HttpTarget): Map<string, Slot> {
  return new Map(
    declaredProperties(target).map(([name, property]) => [name, slotOf(target, name, property)]),
  )
}

function slotOf(target: HttpTarget, name: string, property: unknown): Slot {
  const stated = (property ?? {}) as Annotations
  const place = placementOf(target, name, stated)
  const style = stated['x-style']
  const mediaType = stated['x-media-type']
  const whole = stated['x-body']
  const isPlain =
    style === undefined &&
    stated['x-explode'] === undefined &&
    stated['x-allow-reserved'] === undefined &&
    mediaType === undefined &&
    place !== 'cookie'
  const effective = style ?? DEFAULT_STYLES[place]
  const wireName = stated['x-name'] ?? name
  return {
    place,
    name: wireName,
    queryName: encodeQuery(wireName.toWellFormed()),
    ...(!isPlain && { style: effective }),
    explode: stated['x-explode'] ?? effective === 'form',
    allowReserved: stated['x-allow-reserved'] === true,
    ...(mediaType !== undefined && { mediaType }),
    ...(whole !== undefined && { whole }),
    isFile: stated['x-file'] === true,
  }
}

/** As `x-in` says, else by the template and the method. */
function placementOf(target: HttpTarget, name: string, stated: Annotations): Placement {
  if (stated['x-in'] !== undefined) return stated['x-in']
  if (templateParts(target.path).variables.includes(name)) return 'path'
  return target.method === 'GET' || target.method === 'HEAD' || target.method === 'DELETE'
    ? 'query'
    : 'body'
}

/** The media type of the body that these arguments make. */
export function bodyTypeOf(target: HttpTarget, slots: Iterable<Slot>): string {
  const stated = target.inputSchema['x-media-type']
  if (typeof stated === 'string') return stated
  const whole = [...slots].find((slot) => slot.whole !== undefined)?.whole
  return DEFAULT_WHOLE_TYPES[whole ?? 'json']
}

/** The properties that a target's schema declares. */
export function declaredProperties(target: HttpTarget): [string, unknown][] {
  return Object.entries((target.inputSchema.properties ?? {}) as Record<string, unknown>)
}

const VARIABLE = /\{([^{}]*)\}/

/** A path template split at its variables: `/a/{b}/c` is `['/a/', '/c']` and `['b']`. */
export function templateParts(path: string): { literals: string[]; variables: string[] } {
  const parts = path.split(VARIABLE)
  return {
    literals: parts.filter((_, i) => i % 2 === 0),
    variables: parts.filter((_, i) => i % 2 === 1),
  }
}

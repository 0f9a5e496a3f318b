/** The request body as arguments: the members of a JSON object or of a form, or one argument for all of it. */
import { isObject } from '#schemas'
import { isJsonType, isMediaType } from '#upstreams'
import { type Argument, cannot, fileSchema, isBinary, kindsOf, styleForm } from './argument.js'
import { firstExample, follow, type Members, membersOf, type Warn, wordOf } from './document.js'
import { type Shape, shapeOf } from './object-shape.js'

export type Body = {
  arguments: Argument[]
  /** Of the whole body, where it is not JSON. */
  mediaType?: string
}

type From = {
  root: Members
  method: string
  operation: Members
  at: string
  warn: Warn
}

type Context = From & { isSent: boolean }

const NO_BODY: Body = { arguments: [] }
/** Which of several types is sent: the first of these that can be expressed, then any other. */
const PREFERRED = [
  /^application\/json\s*(;|$)/i,
  /^(application|text)\/([^/;]+\+)?json\s*(;|$)/i,
  /^(\*|application)\/\*$/,
  /^application\/x-www-form-urlencoded\s*(;|$)/i,
  /^multipart\/form-data\s*(;|$)/i,
  /^text\/plain\s*(;|$)/i,
]
const TEXTUAL = /^text\/|[/+.-](xml|yaml|ndjson|jsonl|graphql|javascript|csv)\s*(;|$)/i

/**
 * @throws Problem `invalid_request` with the reason why this body cannot be sent.
 */
export function bodyOf(from: From): Body {
  const { root, method, operation, warn } = from
  if (!isObject(operation.requestBody)) return NO_BODY
  const at = `${from.at}/requestBody`
  const body = follow(root, operation.requestBody)
  if (body === undefined) throw cannot('its body refers to nothing in the document')
  const types = Object.entries(membersOf(body.content)).sort(([a], [b]) => rankOf(a) - rankOf(b))
  if (types.length === 0) return NO_BODY
  const isSent = body.required === true
  if (method === 'GET' || method === 'HEAD') {
    if (isSent) throw cannot(`it needs a body, and ${method} sends none`)
    warn(at, `${method} sends no body; it is left out.`)
    return NO_BODY
  }
  for (const [type, media] of types) {
    const found = bodyOfType({ ...from, at, isSent }, type.trim(), membersOf(media))
    if (found !== undefined) return found
  }
  const names = types.map(([type]) => type.slice(0, 100)).slice(0, 3)
  throw cannot(`its body cannot be expressed as ${names.join(', ')}`)
}

function rankOf(type: string): number {
  const rank = PREFERRED.findIndex((pattern) => pattern.test(type.trim()))
  return rank === -1 ? PREFERRED.length : rank
}

function bodyOfType(context: Context, type: string, media: Members): Body | undefined {
  const isAny = /^(\*|application)\/\*$/.test(type)
  if (isAny && isBinary(context.root, media.schema)) {
    return wholeBody(context, 'application/octet-stream', media)
  }
  if (isAny) return jsonBody(context, 'application/json', media)
  if (/^multipart\/form-data\b/i.test(type)) return multipartBody(context, media)
  if (!isMediaType(type) || type.includes('*') || /^multipart\//i.test(type)) return undefined
  if (isJsonType(type)) return jsonBody(context, type, media)
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return formBody(context, type, media)
  return wholeBody(context, type, media)
}

function jsonBody(context: Context, type: string, media: Members): Body {
  const shape = shapeOf(context.root, media.schema)
  const mediaType = type === 'application/json' ? {} : { mediaType: type }
  if (shape === undefined || shape.properties.size === 0) {
    return { ...mediaType, arguments: [whole(context, media, 'json', media.schema ?? {})] }
  }
  if (shape.isOpen) context.warn(context.at, 'Members beyond those it names cannot be sent.')
  return { ...mediaType, arguments: membersAsArguments(context, media, shape, () => ({})) }
}

/** A text or bytes, whatever the schema says of what is in them. */
function wholeBody(context: Context, type: string, media: Members): Body {
  const isText =
    TEXTUAL.test(type) || (isString(context, media) && !/^application\/octet/i.test(type))
  const isBytes = !isText || isBinary(context.root, media.schema)
  const described = membersOf(follow(context.root, media.schema)).description
  const note = isBytes ? `The bytes of the body, ${type}, in base64.` : `The body, ${type}.`
  const description = [described, note].filter((it) => typeof it === 'string').join(' ')
  const schema = { type: 'string', description }
  return {
    mediaType: type,
    arguments: [whole(context, media, isBytes ? 'base64' : 'text', schema)],
  }
}

function isString({ root }: Context, { schema }: Members): boolean {
  return membersOf(follow(root, schema)).type === 'string'
}

function whole(context: Context, media: Members, kind: string, schema: unknown): Argument {
  const example = firstExample(media)
  return {
    name: 'body',
    place: 'body',
    schema,
    form: { 'x-body': kind },
    at: context.at,
    isRequired: context.isSent,
    ...(example !== undefined && { example }),
  }
}

/** A form is sent in any case, with the fields that it asks for. */
function formBody(context: Context, type: string, media: Members): Body | undefined {
  const { root } = context
  const shape = shapeOf(root, media.schema)
  if (shape === undefined) return undefined
  const fields = [...shape.properties.values()]
  if (fields.some((schema) => isBinary(root, schema))) return undefined
  if (fields.length === 0) return { mediaType: type, arguments: [anyFields(context, media)] }
  const formOf = (stated: Members, schema: unknown): Members => {
    if (isJsonType(wordOf(stated.contentType ?? ''))) return { 'x-media-type': 'application/json' }
    return styleForm(stated, 'body', kindsOf(root, schema))
  }
  const always = { ...context, isSent: true }
  return { mediaType: type, arguments: membersAsArguments(always, media, shape, formOf) }
}

/** A form without described fields takes any. */
function anyFields(context: Context, media: Members): Argument {
  const { at, isSent } = context
  const schema = media.schema ?? { type: 'object' }
  return {
    name: 'fields',
    place: 'body',
    schema,
    form: { 'x-style': 'form' },
    at,
    isRequired: isSent,
  }
}

function multipartBody(context: Context, media: Members): Body | undefined {
  const { root } = context
  const mediaType = 'multipart/form-data'
  const shape = shapeOf(root, media.schema)
  if (shape === undefined) return undefined
  if (shape.properties.size === 0) return { mediaType, arguments: [anyFields(context, media)] }
  const always = { ...context, isSent: true }
  const parts = membersAsArguments(always, media, shape, (stated, schema) =>
    partForm(root, stated, schema),
  )
  return {
    mediaType,
    arguments: parts.map((part) => (part.form['x-file'] ? asFile(root, part) : part)),
  }
}

/** Texts are plain parts, objects JSON, files bytes; a style that is stated goes before. */
function partForm(root: Members, stated: Members, schema: unknown): Members {
  const kinds = kindsOf(root, schema)
  if (stated.style !== undefined || stated.explode !== undefined) {
    const { 'x-allow-reserved': _, ...form } = styleForm(stated, 'body', kinds)
    return kinds.isList || kinds.isObject ? { 'x-style': 'form', ...form } : {}
  }
  const type = typeof stated.contentType === 'string' ? stated.contentType : ''
  const concrete = isMediaType(type) && !type.includes('*') ? { 'x-media-type': type } : {}
  const items = membersOf(follow(root, schema)).items
  if (isBinary(root, schema) || (items !== undefined && isBinary(root, items))) {
    return { 'x-file': true, ...concrete }
  }
  return concrete
}

function asFile(root: Members, part: Argument): Argument {
  const { items, description } = membersOf(follow(root, part.schema))
  const file = fileSchema(items === undefined ? description : undefined)
  const schema = items === undefined ? file : { type: 'array', description, items: file }
  const { example: _, ...rest } = part
  return { ...rest, schema }
}

/** Where the body itself may be left out, none of its members is required. */
function membersAsArguments(
  { root, at, isSent }: Context,
  media: Members,
  shape: Shape,
  formOf: (encoding: Members, schema: unknown) => Members,
): Argument[] {
  const examples = membersOf(firstExample(media))
  const encodings = membersOf(media.encoding)
  return [...shape.properties].flatMap(([name, schema]) => {
    const described = follow(root, schema)
    if (described?.readOnly === true) return []
    const isRequired = isSent && shape.required.has(name)
    const own = Object.hasOwn(examples, name) ? examples[name] : described?.example
    const example = own === undefined ? {} : { example: own }
    const stated = membersOf(encodings[name])
    // How Swagger 2.0 separates a list that OpenAPI 3 knows no style for.
    const style = membersOf(schema)['x-style']
    const form = formOf(style === undefined ? stated : { ...stated, style }, schema)
    return [{ name, place: 'body' as const, schema, form, at, isRequired, ...example }]
  })
}

/** One operation of an OpenAPI document as an endpoint, or the reason why it cannot be one. */
import { Problem } from '#core/problem'
import type { PriceTerms } from '#pricing'
import { isObject, type JsonSchema } from '#schemas'
import { type Argument, bodyArguments } from './body.js'
import {
  firstExample,
  follow,
  jsonContent,
  kebabOf,
  listOf,
  type Members,
  membersOf,
  proseOf,
  textOf,
  type Warn,
} from './document.js'
import { type Work, withinLimits } from './schema.js'

/** An endpoint as its seller would send it. */
export type EndpointDraft = {
  slug: string
  title: string
  description: string
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  input_schema: JsonSchema
  output_schema?: JsonSchema | undefined
  example?: { arguments: Record<string, unknown>; answer?: unknown } | undefined
  price: PriceTerms
}

export type Credential = { type: 'none' | 'bearer' | 'basic' | 'header' | 'query'; name?: string }

export type Operation = {
  root: Members
  method: EndpointDraft['method']
  path: string
  /** The path item, whose parameters hold for all its operations. */
  item: Members
  operation: Members
  /** JSON pointer to the operation. */
  at: string
  credential: Credential
  warn: Warn
  work: Work
}

/** An example is a help to read; a longer one is none. */
const MAX_EXAMPLE_CHARS = 16_384
/** OpenAPI wants parameters of these names ignored: other parts of the document say them. */
const IGNORED_HEADERS = ['accept', 'content-type', 'authorization']
const DELIMITERS: Record<string, string> = { spaceDelimited: ' ', pipeDelimited: '|' }
const TEMPLATE_VARIABLE = /\{([^{}]*)\}/g

/**
 * @throws Problem `invalid_request` with the reason why the operation cannot be sold; what can be
 *   left out of it without harm is only warned of.
 */
export function endpointOf(operation: Operation, slug: string, price: PriceTerms): EndpointDraft {
  const { operation: described, method, path, root, warn, work, at } = operation
  const inArguments = distinctArguments(operation)
  const inputSchema = withinLimits({ root, warn, work, direction: 'request' }, (convert) =>
    inputSchemaOf(inArguments, convert),
  )
  if (inputSchema === undefined) throw cannot('its arguments exceed the limits on schemas')
  const answer = answerOf(root, described)
  const outputSchema =
    answer.schema === undefined
      ? undefined
      : withinLimits({ root, warn, work, direction: 'response' }, (convert) =>
          convert(answer.schema, `${at}/responses`),
        )
  if (answer.schema !== undefined && outputSchema === undefined) {
    warn(`${at}/responses`, 'The answer’s schema exceeds the limits and is left out.')
  }
  const example = exampleOf(inArguments, inputSchema, answer.example)
  const title = titleOf(operation)
  return {
    slug,
    title,
    description: proseOf(4_000, described.description, described.summary) ?? title,
    method,
    path,
    input_schema: inputSchema,
    ...(outputSchema && Object.keys(outputSchema).length > 0 && { output_schema: outputSchema }),
    ...(example && { example }),
    price,
  }
}

/** Why an operation is left out. */
function cannot(reason: string): Problem {
  return new Problem('invalid_request', reason)
}

function titleOf({ operation, method, path }: Operation): string {
  const id = textOf(operation.operationId)
  const words = id === undefined ? '' : kebabOf(id).replaceAll('-', ' ')
  const named = words === '' ? undefined : words.charAt(0).toUpperCase() + words.slice(1)
  const title = proseOf(120, operation.summary, named, `${method} ${path}`) ?? method
  return title.replace(/\s+/g, ' ')
}

/** Parameters before the body; of two arguments with one name the first stays. */
function distinctArguments(operation: Operation): Argument[] {
  const found = new Map<string, Argument>()
  for (const argument of [...parameterArguments(operation), ...bodyArguments(operation)]) {
    const { name, place, at } = argument
    const first = found.get(name)
    if (first === undefined) found.set(name, argument)
    else operation.warn(at, `"${name}" in ${place} is left out: ${first.place} has that name too.`)
  }
  return [...found.values()]
}

function parameterArguments(operation: Operation): Argument[] {
  const { root, item, operation: described, path, at, warn } = operation
  const parameters = new Map<string, Members>()
  for (const listed of [...listOf(item.parameters), ...listOf(described.parameters)]) {
    const parameter = follow(root, listed)
    if (parameter === undefined) throw cannot('a parameter refers to nothing in the document')
    parameters.set(`${String(parameter.in)} ${String(parameter.name)}`, parameter)
  }
  const found = [...parameters.values()].flatMap((it) => parameterArgument(operation, it) ?? [])
  for (const [, name = ''] of path.matchAll(TEMPLATE_VARIABLE)) {
    if (found.some((argument) => argument.place === 'path' && argument.name === name)) continue
    warn(at, `The path variable "${name}" is not described; any text is accepted.`)
    found.push({ name, place: 'path', schema: { type: 'string' }, at, isRequired: true })
  }
  return found
}

function parameterArgument(operation: Operation, parameter: Members): Argument | undefined {
  const { path, credential, warn, at } = operation
  const name = textOf(parameter.name)
  const place = parameter.in
  const isRequired = parameter.required === true || place === 'path'
  if (name === undefined) throw cannot('a parameter has no name')
  if (place === 'header' && IGNORED_HEADERS.includes(name.toLowerCase())) return undefined
  if (place === credential.type && name.toLowerCase() === credential.name?.toLowerCase()) {
    return undefined
  }
  if (place === 'path' && !path.includes(`{${name}}`)) {
    warn(at, `The path has no {${name}}; that parameter is left out.`)
    return undefined
  }
  const schema =
    place === 'path' || place === 'query' || place === 'header'
      ? parameterSchema(operation, parameter, place)
      : undefined
  if (schema !== undefined && (place === 'path' || place === 'query' || place === 'header')) {
    const description = textOf(parameter.description)
    const example = joinedLike(schema, firstExample(parameter))
    const texts = { ...(description && { description }), ...(example !== undefined && { example }) }
    return { name, place, schema, at: `${at}/parameters`, isRequired, ...texts }
  }
  if (isRequired) throw cannot(`its ${String(place)} parameter "${name}" cannot be expressed`)
  warn(at, `The ${String(place)} parameter "${name}" cannot be expressed and is left out.`)
  return undefined
}

/**
 * The schema of one argument that is sent as the parameter's style wants it, or `undefined`. The
 * gateway repeats the name for each item of a list in a query, and joins items by commas in a header.
 */
function parameterSchema(
  { root }: Operation,
  parameter: Members,
  place: 'path' | 'query' | 'header',
): unknown {
  const asJson = jsonContent(parameter.content)
  if (asJson !== undefined) return place === 'path' ? undefined : membersOf(asJson).schema
  if (parameter.content !== undefined) return undefined
  const schema = parameter.schema ?? {}
  const resolved = follow(root, schema) ?? {}
  const types = [resolved.type].flat()
  const style = textOf(parameter.style) ?? (place === 'query' ? 'form' : 'simple')
  if (style === 'label' || style === 'matrix' || style === 'deepObject') return undefined
  if (types.includes('object') || isObject(resolved.properties)) return undefined
  const isJoined = place === 'path' || parameter.explode === false || style in DELIMITERS
  if (!types.includes('array') || place === 'header' || !isJoined) return schema
  const note = `Several values are joined by "${DELIMITERS[style] ?? ','}".`
  const description = [textOf(resolved.description), note].filter(Boolean).join(' ')
  return { type: 'string', description }
}

/** A list, where the parameter was made a text that holds one. */
function joinedLike(schema: unknown, example: unknown): unknown {
  const isText = membersOf(schema).type === 'string'
  return isText && Array.isArray(example) ? example.join(',') : example
}

function inputSchemaOf(
  inArguments: readonly Argument[],
  convert: (schema: unknown, at: string) => JsonSchema,
): JsonSchema {
  const properties = inArguments.map(({ name, schema, at, place, description }) => {
    const { description: own, ...converted } = convert(schema, at)
    const notes = proseOf(1_000, joined(description, own), own)
    return [name, { ...converted, ...(notes && { description: notes }), 'x-in': place }]
  })
  const required = inArguments.filter(({ isRequired }) => isRequired).map(({ name }) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  }
}

/** A parameter's own description, and the note on its form where there is one. */
function joined(description: string | undefined, own: unknown): string | undefined {
  if (description === undefined) return undefined
  const note = typeof own === 'string' ? /Several values are joined by ".".$/.exec(own) : null
  return note === null ? description : `${description} ${note[0]}`
}

/** Schema and example of the first 2xx answer that is JSON. */
function answerOf(root: Members, operation: Members): { schema?: unknown; example?: unknown } {
  const responses = Object.entries(membersOf(operation.responses))
  const succeeding = responses.filter(([status]) => /^2(\d\d|XX)$/i.test(status))
  for (const [, listed] of succeeding.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = Object.entries(membersOf(follow(root, listed)?.content))
    const json = content.find(([type]) => /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type))
    if (json === undefined) continue
    const media = membersOf(json[1])
    return { schema: media.schema, example: firstExample(media) }
  }
  return {}
}

/** Only an example that could be sent: every required argument has a value of its type. */
function exampleOf(
  inArguments: readonly Argument[],
  inputSchema: JsonSchema,
  answer: unknown,
): EndpointDraft['example'] {
  const properties = membersOf(inputSchema.properties)
  const known = inArguments.filter(
    ({ name, example }) => isShort(example) && hasType(membersOf(properties[name]), example),
  )
  const isComplete = inArguments.every((it) => !it.isRequired || known.includes(it))
  if (known.length === 0 || !isComplete) return undefined
  const example = Object.fromEntries(known.map((argument) => [argument.name, argument.example]))
  return { arguments: example, ...(isShort(answer) && { answer }) }
}

/** Documents often give an example as text whatever the type is. */
function hasType({ type, enum: values }: JsonSchema, value: unknown): boolean {
  if (Array.isArray(values) && !values.includes(value)) return false
  if (type === undefined) return true
  const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return [type]
    .flat()
    .some((wanted) => (wanted === 'integer' ? Number.isInteger(value) : wanted === actual))
}

function isShort(value: unknown): boolean {
  try {
    return (JSON.stringify(value)?.length ?? Number.POSITIVE_INFINITY) <= MAX_EXAMPLE_CHARS
  } catch {
    // Aliases of YAML can make a circle.
    return false
  }
}

/** One operation of an OpenAPI document as an endpoint, or the reason why it cannot be one. */
import type { PriceTerms } from '#pricing'
import type { JsonSchema } from '#schemas'
import { type Argument, cannot, named } from './argument.js'
import { bodyOf } from './body.js'
import {
  firstExample,
  follow,
  kebabOf,
  listOf,
  type Members,
  membersOf,
  proseOf,
  textOf,
  type Warn,
} from './document.js'
import { parameterArguments } from './parameters.js'
import type { PathKey } from './path-key.js'
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
  tags?: string[] | undefined
  example?: { arguments: Record<string, unknown>; answer?: unknown } | undefined
  price: PriceTerms
}

export type Credential = { type: 'none' | 'bearer' | 'basic' | 'header' | 'query'; name?: string }

export type Operation = {
  root: Members
  method: EndpointDraft['method']
  path: string
  fixedQuery: PathKey['fixedQuery']
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
const MAX_TAGS = 10
const MAX_TAG_CHARS = 64

/**
 * @throws Problem `invalid_request` with the reason why the operation cannot be sold; what can be
 *   left out of it without harm is only warned of.
 */
export function endpointOf(operation: Operation, slug: string, price: PriceTerms): EndpointDraft {
  const { operation: described, method, path, root, warn, work, at } = operation
  const body = bodyOf(operation)
  const inArguments = named([
    ...fixedArguments(operation),
    ...parameterArguments(operation).filter((it) => !isFixed(operation, it)),
    ...body.arguments,
  ])
  const inputSchema = withinLimits({ root, warn, work, direction: 'request' }, (convert) =>
    inputSchemaOf(inArguments, body.mediaType, convert),
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
  const tags = tagsOf(described)
  return {
    slug,
    title,
    description: proseOf(4_000, described.description, described.summary) ?? title,
    method,
    path,
    input_schema: inputSchema,
    ...(outputSchema && Object.keys(outputSchema).length > 0 && { output_schema: outputSchema }),
    ...(tags.length > 0 && { tags }),
    ...(example && { example }),
    price,
  }
}

function titleOf({ operation, method, path }: Operation): string {
  const id = textOf(operation.operationId)
  const words = id === undefined ? '' : kebabOf(id).replaceAll('-', ' ')
  const named = words === '' ? undefined : words.charAt(0).toUpperCase() + words.slice(1)
  const title = proseOf(120, operation.summary, named, `${method} ${path}`) ?? method
  return title.replace(/\s+/g, ' ')
}

function tagsOf({ tags }: Members): string[] {
  const texts = listOf(tags).flatMap((tag) => proseOf(MAX_TAG_CHARS, tag) ?? [])
  return [...new Set(texts.map((text) => text.replace(/\s+/g, ' ')))].slice(0, MAX_TAGS)
}

/** Arguments that can have one value only. */
function fixedArguments({ fixedQuery, at }: Operation): Argument[] {
  return fixedQuery.map(([name, value]) => ({
    name,
    place: 'query',
    schema: { type: 'string', const: value },
    form: {},
    at,
    isRequired: true,
    example: value,
  }))
}

function isFixed({ fixedQuery }: Operation, { name, place }: Argument): boolean {
  return place === 'query' && fixedQuery.some(([fixed]) => fixed === name)
}

function inputSchemaOf(
  inArguments: ReadonlyMap<string, Argument>,
  mediaType: string | undefined,
  convert: (schema: unknown, at: string) => JsonSchema,
): JsonSchema {
  const properties = [...inArguments].map(([name, { schema, at, place, form, description }]) => {
    const { description: own, ...converted } = convert(schema, at)
    const notes = proseOf(1_000, description, own)
    return [name, { ...converted, ...(notes && { description: notes }), 'x-in': place, ...form }]
  })
  const required = [...inArguments].filter(([, { isRequired }]) => isRequired)
  return {
    type: 'object',
    ...(mediaType !== undefined && { 'x-media-type': mediaType }),
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required: required.map(([name]) => name) }),
  }
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
  inArguments: ReadonlyMap<string, Argument>,
  inputSchema: JsonSchema,
  answer: unknown,
): EndpointDraft['example'] {
  const properties = membersOf(inputSchema.properties)
  const example: Record<string, unknown> = {}
  for (const [name, argument] of inArguments) {
    const isKnown =
      isShort(argument.example) && hasType(membersOf(properties[name]), argument.example)
    if (isKnown) example[name] = argument.example
    else if (argument.isRequired) return undefined
  }
  if (Object.keys(example).length === 0) return undefined
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

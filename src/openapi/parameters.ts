/** The parameters of an operation as arguments, each sent in the style that the document says. */
import { isJsonType, isReservedHeader } from '#upstreams'
import { type Argument, cannot, kindsOf, type Place, styleForm } from './argument.js'
import {
  firstExample,
  follow,
  listOf,
  type Members,
  membersOf,
  saysTheSame,
  textOf,
  wordOf,
} from './document.js'
import type { Operation } from './operation.js'

/** OpenAPI wants parameters of these names ignored: other parts of the document say them. */
const IGNORED_HEADERS = ['accept', 'content-type', 'authorization']
const PLACES: unknown[] = ['path', 'query', 'header', 'cookie']
const TEMPLATE_VARIABLE = /\{([^{}]*)\}/g

/** @throws Problem `invalid_request` with the reason why the operation cannot be sold. */
export function parameterArguments(operation: Operation): Argument[] {
  const { root, item, operation: described, path, at, warn } = operation
  const parameters = new Map([
    ...distinct(root, item.parameters),
    ...distinct(root, described.parameters),
  ])
  const found = [...parameters.values()].flatMap((it) => parameterArgument(operation, it) ?? [])
  for (const [, name = ''] of path.matchAll(TEMPLATE_VARIABLE)) {
    if (found.some((argument) => argument.place === 'path' && argument.name === name)) continue
    warn(at, `The path variable "${name}" is not described; any text is accepted.`)
    found.push({ name, place: 'path', schema: { type: 'string' }, form: {}, at, isRequired: true })
  }
  return found
}

/** The parameters of a list by place and name. */
function distinct(root: Members, list: unknown): Map<string, Members> {
  const found = new Map<string, Members>()
  for (const listed of listOf(list)) {
    const parameter = follow(root, listed)
    if (parameter === undefined) throw cannot('a parameter refers to nothing in the document')
    const key = `${wordOf(parameter.in)} ${wordOf(parameter.name)}`
    const known = found.get(key)
    if (known !== undefined && !saysTheSame(known, parameter)) {
      throw cannot(`its parameter "${wordOf(parameter.name)}" is described twice, differently`)
    }
    found.set(key, parameter)
  }
  return found
}

function parameterArgument(operation: Operation, parameter: Members): Argument | undefined {
  const { path, credential, warn, at } = operation
  const name = textOf(parameter.name)
  const place = parameter.in
  if (name === undefined) throw cannot('a parameter has no name')
  if (place === 'header' && isWrittenElsewhere(operation, name)) return undefined
  if (place === credential.type && name.toLowerCase() === credential.name?.toLowerCase()) {
    return undefined
  }
  if (place === 'path' && !path.includes(`{${name}}`)) {
    warn(at, `The path has no {${name}}; that parameter is left out.`)
    return undefined
  }
  const isRequired = parameter.required === true || place === 'path'
  const sent = PLACES.includes(place) ? sentAs(operation, parameter, place as Place) : undefined
  if (sent !== undefined) {
    const description = textOf(parameter.description)
    const example = firstExample(parameter)
    return {
      ...{ name, place: place as Place, ...sent, at: `${at}/parameters`, isRequired },
      ...(description !== undefined && { description }),
      ...(example !== undefined && { example }),
    }
  }
  if (isRequired) throw cannot(`its ${wordOf(place)} parameter "${name}" cannot be expressed`)
  warn(at, `The ${wordOf(place)} parameter "${name}" cannot be expressed and is left out.`)
  return undefined
}

/** Headers that frame the message are written by the gateway, cookies from their own parameters. */
function isWrittenElsewhere({ warn, at }: Operation, name: string): boolean {
  if (IGNORED_HEADERS.includes(name.toLowerCase())) return true
  if (!isReservedHeader(name)) return false
  if (name.toLowerCase() === 'cookie') throw cannot('it asks for the header Cookie as a whole')
  warn(at, `The header "${name}" is written by the gateway; that parameter is left out.`)
  return true
}

/** Schema and form of a parameter, or `undefined` where it is of a type that is no JSON. */
function sentAs(
  { root }: Operation,
  parameter: Members,
  place: Place,
): Pick<Argument, 'schema' | 'form'> | undefined {
  if (parameter.content === undefined) {
    const schema = parameter.schema ?? {}
    return { schema, form: styleForm(parameter, place, kindsOf(root, schema)) }
  }
  const [content] = Object.entries(membersOf(parameter.content))
  if (content === undefined) return { schema: {}, form: {} }
  const [type, media] = content
  const { schema } = membersOf(media)
  if (isJsonType(type)) return { schema, form: { 'x-media-type': 'application/json' } }
  return /^text\/plain\s*(;|$)/i.test(type) ? { schema: { type: 'string' }, form: {} } : undefined
}

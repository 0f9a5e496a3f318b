/**
 * Swagger 2.0 brought up to OpenAPI 3.0 by `@scalar/openapi-upgrader`. The library trusts what it is
 * given: it changes shared parts twice, throws at members of a wrong type, and takes exponential time
 * for some paths. So it gets a copy that shares nothing, has a bounded size and depth, and only holds
 * what an import reads, in the shapes that the library expects.
 */
import { upgradeFromTwoToThree } from '@scalar/openapi-upgrader/2.0-to-3.0'
import { isObject, resolveLocal } from '#schemas'
import { listOf, type Members, membersOf, notOpenApi, wordOf } from './document.js'

/** Objects, lists and scalars of the copy. The largest public description of its kind has 700,000. */
const MAX_VALUES = 5_000_000
/** Deeper parts are cut to nothing; honest descriptions go to some 40 levels. */
const MAX_LEVELS = 100
const MAX_MEDIA_TYPES = 20
/** The library looks for these in time that grows with the square of their number; nothing reads them. */
const DROPPED = new Set(['__proto__', 'x-ms-discriminator-value', 'x-discriminator-value'])
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch']
const FORM_TYPES = ['multipart/form-data', 'application/x-www-form-urlencoded']

type Budget = { valuesLeft: number }

/**
 * @param foundAt where the document was found: without `schemes` its own scheme is meant.
 * @throws Problem `invalid_request` when the document is too large or cannot be brought up.
 */
export function fromSwagger(swagger: Members, foundAt: string | undefined): Members {
  const budget = { valuesLeft: MAX_VALUES }
  const source = membersOf(copyOf(swagger, budget, 0))
  const document = {
    swagger: '2.0',
    info: membersOf(source.info),
    ...serverOf(source, foundAt),
    ...typesOf(source),
    definitions: objectsIn(source.definitions),
    parameters: sharedParameters(source),
    responses: mapped(source.responses, responseOf),
    securityDefinitions: objectsIn(source.securityDefinitions),
    security: listOf(source.security),
    paths: mapped(source.paths, (item) => pathItemOf(source, item, budget)),
  }
  try {
    return membersOf(upgradeFromTwoToThree(document))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw notOpenApi('', `cannot be brought from Swagger 2.0 to OpenAPI 3: ${error.message}`)
  }
}

/** A copy without shared parts. Files are the binary texts that OpenAPI 3 makes of them. */
function copyOf(value: unknown, budget: Budget, level: number): unknown {
  if (--budget.valuesLeft < 0) throw notOpenApi('', 'has too many parts')
  if (typeof value !== 'object' || value === null) return value
  if (level > MAX_LEVELS) return {}
  if (Array.isArray(value)) return value.map((item) => copyOf(item, budget, level + 1))
  const copy: Members = {}
  for (const [name, member] of Object.entries(value)) {
    if (!DROPPED.has(name)) copy[name] = copyOf(member, budget, level + 1)
  }
  return copy.type === 'file' ? { ...copy, type: 'string', format: 'binary' } : copy
}

function serverOf(source: Members, foundAt: string | undefined): Members {
  const schemes = listOf(source.schemes).filter((it) => it === 'http' || it === 'https')
  const own = foundAt !== undefined && /^http:/i.test(foundAt) ? 'http' : 'https'
  return {
    ...(typeof source.host === 'string' && { host: source.host }),
    ...(typeof source.basePath === 'string' && { basePath: source.basePath }),
    schemes: schemes.length > 0 ? schemes : [own],
  }
}

function typesOf({ consumes, produces }: Members): Members {
  const types = (value: unknown) =>
    listOf(value)
      .filter((it) => typeof it === 'string')
      .slice(0, MAX_MEDIA_TYPES)
  return {
    ...(Array.isArray(consumes) && { consumes: types(consumes) }),
    ...(Array.isArray(produces) && { produces: types(produces) }),
  }
}

function objectsIn(value: unknown): Members {
  return mapped(value, (member) => member)
}

/** The members that are objects, each changed by `change`. */
function mapped(value: unknown, change: (member: Members) => Members): Members {
  const members = Object.entries(membersOf(value))
  return Object.fromEntries(
    members.flatMap(([name, member]) => (isObject(member) ? [[name, change(member)]] : [])),
  )
}

/** Bodies and form fields are written out where they are used: OpenAPI 3 keeps them elsewhere. */
function sharedParameters(source: Members): Members {
  const shared = Object.entries(objectsIn(source.parameters))
  return Object.fromEntries(
    shared
      .filter(([, parameter]) => !isOfBody(membersOf(parameter)))
      .map(([name, parameter]) => [name, parameterOf(membersOf(parameter))]),
  )
}

function isOfBody({ in: place }: Members): boolean {
  return place === 'body' || place === 'formData'
}

function pathItemOf(source: Members, item: Members, budget: Budget): Members {
  const shared = parametersIn(source, item.parameters, budget)
  const operations = METHODS.filter((name) => isObject(item[name])).map((name) => [
    name,
    operationOf(source, membersOf(item[name]), shared.filter(isOfBody), budget),
  ])
  return {
    ...(typeof item.$ref === 'string' && { $ref: item.$ref }),
    parameters: shared.filter((parameter) => !isOfBody(parameter)),
    ...Object.fromEntries(operations),
  }
}

function operationOf(
  source: Members,
  operation: Members,
  sharedBody: readonly Members[],
  budget: Budget,
): Members {
  const own = parametersIn(source, operation.parameters, budget)
  const inherited = own.some(isOfBody) ? [] : sharedBody.map((it) => copyOf(it, budget, 0))
  const parameters = [...own, ...inherited] as Members[]
  const types = typesOf(operation)
  return {
    ...operation,
    consumes: formTypes(parameters, types.consumes ?? typesOf(source).consumes),
    produces: types.produces ?? typesOf(source).produces ?? ['application/json'],
    parameters,
    responses: mapped(operation.responses, responseOf),
  }
}

/** A form whose type is not said is a plain one, unless it carries a file. */
function formTypes(parameters: readonly Members[], consumes: unknown): unknown[] {
  const types = listOf(consumes)
  const fields = parameters.filter((parameter) => parameter.in === 'formData')
  if (fields.length === 0) return types.length > 0 ? types : ['application/json']
  const forms = types.filter((type) => FORM_TYPES.includes(wordOf(type)))
  if (forms.length > 0) return forms
  return [FORM_TYPES[fields.some(({ format }) => format === 'binary') ? 0 : 1]]
}

function parametersIn(source: Members, list: unknown, budget: Budget): Members[] {
  return listOf(list).flatMap((listed) => {
    if (!isObject(listed)) return []
    if (typeof listed.$ref !== 'string') return [parameterOf(listed)]
    const target = resolveLocal(source, listed.$ref)
    if (!isObject(target) || !isOfBody(target)) return [{ $ref: listed.$ref }]
    return [parameterOf(membersOf(copyOf(target, budget, 0)))]
  })
}

/** The styles that OpenAPI 3 does not know in a place, but this gateway does. */
const STYLES: Record<string, string> = {
  ssv: 'spaceDelimited',
  pipes: 'pipeDelimited',
  tsv: 'tabDelimited',
}

function parameterOf(parameter: Members): Members {
  if (typeof parameter.$ref === 'string') return { $ref: parameter.$ref }
  const { in: place, name, type, collectionFormat } = parameter
  // The library stops at a parameter that has no place; the import leaves out its operation.
  const placed = { ...parameter, in: place || 'nowhere', name: wordOf(name ?? '') }
  if (type !== 'array') return placed
  const format = typeof collectionFormat === 'string' ? collectionFormat : 'csv'
  const style = STYLES[format]
  if (place === 'formData') {
    return { ...placed, collectionFormat: format, ...(style && { 'x-style': style }) }
  }
  if (style === undefined || (place === 'query' && format !== 'tsv')) return placed
  return { ...placed, style, explode: false }
}

/** Without headers: an import does not read them, and the library takes long for many. */
function responseOf({ $ref, description, schema, examples }: Members): Members {
  if (typeof $ref === 'string') return { $ref }
  return {
    description: wordOf(description ?? ''),
    ...(isObject(schema) && { schema }),
    ...(isObject(examples) && { examples }),
  }
}

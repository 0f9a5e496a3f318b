/** The `x-` annotations of a schema that say how an argument is sent, and the values they may have. */

const PLACES = ['path', 'query', 'header', 'cookie', 'body']
const STYLES = [
  ...['simple', 'label', 'matrix', 'form', 'spaceDelimited', 'pipeDelimited', 'tabDelimited'],
  'deepObject',
]
const WHOLE_BODIES = ['json', 'text', 'base64']

const MAX_NAME_CHARS = 512
const MEDIA_TYPE = /^[^/\s;,]{1,64}\/[^/\s;,]{1,128}(?:\s*;[\x20-\x7e]{1,128})?$/

type Rule = { allows: (value: unknown) => boolean; message: string }

const oneOf = (values: string[]): Rule => ({
  allows: (value) => values.includes(value as string),
  message: `must be one of ${values.join(', ')}`,
})

const TRUE_OR_FALSE: Rule = {
  allows: (value) => typeof value === 'boolean',
  message: 'must be true or false',
}

const RULES = new Map<string, Rule>([
  ['x-in', oneOf(PLACES)],
  ['x-style', oneOf(STYLES)],
  ['x-body', oneOf(WHOLE_BODIES)],
  ['x-explode', TRUE_OR_FALSE],
  ['x-allow-reserved', TRUE_OR_FALSE],
  ['x-file', TRUE_OR_FALSE],
  [
    'x-media-type',
    {
      allows: (value) => typeof value === 'string' && MEDIA_TYPE.test(value),
      message: 'must be a media type such as application/json',
    },
  ],
  [
    'x-name',
    {
      allows: (value) =>
        typeof value === 'string' && value !== '' && value.length <= MAX_NAME_CHARS,
      message: `must be a name of 1 to ${MAX_NAME_CHARS} characters`,
    },
  ],
])

/** Why `value` is no value of the annotation `name`, or `undefined`; other keywords are not judged. */
export function annotationFault(name: string, value: unknown): string | undefined {
  if (!name.startsWith('x-')) return undefined
  const rule = RULES.get(name)
  return rule === undefined || rule.allows(value) ? undefined : rule.message
}

/** Keywords under which names are the seller's own, each with a schema. */
const MAPS = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
])
/** Keywords under which values stand, whatever they look like. */
const VALUES = new Set(['enum', 'const', 'default', 'example', 'examples'])

/** A schema as clients get it: without any `x-…`, which say how its arguments are sent. */
export function withoutHints<Schema>(schema: Schema): Schema {
  return bare(schema) as Schema
}

function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.entries(schema)
    .filter(([name]) => !name.startsWith('x-'))
    .map(([name, value]) => [name, bareMember(name, value)])
  return Object.fromEntries(members)
}

function bareMember(name: string, value: unknown): unknown {
  if (VALUES.has(name)) return value
  if (!MAPS.has(name) || typeof value !== 'object' || value === null) return bare(value)
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, bare(part)]))
}

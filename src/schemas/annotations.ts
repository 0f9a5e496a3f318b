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

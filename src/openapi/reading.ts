/** From a text or an object to a document of OpenAPI 3, within limits, or the place where it is none. */
import { CST, Lexer, parse, YAMLError } from 'yaml'
import { isObject } from '#schemas'
import { type Members, notOpenApi, wordOf } from './document.js'
import { fromSwagger } from './swagger.js'

/** The largest public description has 47 MB. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024
const MAX_ALIASES = 100
/** YAML nests by brackets, by dashes within a line, and by indentation. */
const MAX_BRACKETS = 64
const MAX_INDICATORS_IN_LINE = 16
const MAX_INDENT = 400
/** Parsing this many takes some ten seconds; the largest public description has 4,700,000. */
const MAX_TOKENS = 6_000_000

/**
 * The document as objects, brought up to OpenAPI 3, its version and its paths checked.
 *
 * @param foundAt where the document was found.
 * @throws Problem `invalid_request` saying where it is not an OpenAPI 3.0, 3.1 or Swagger 2.0 document.
 */
export function readDocument(
  document: unknown,
  foundAt: string | undefined,
): Members & { paths: Members } {
  const given = typeof document === 'string' ? parseText(document) : document
  if (!isObject(given)) throw notOpenApi('', 'is not an object')
  checkVersion(given)
  if (!isObject(given.paths)) throw notOpenApi('/paths', 'must be an object of paths')
  const root = given.swagger === undefined ? given : fromSwagger(given, foundAt)
  return root as Members & { paths: Members }
}

function checkVersion({ swagger, openapi }: Members): void {
  const field = swagger === undefined ? '/openapi' : '/swagger'
  // YAML reads an unquoted 2.0 or 3.1 as a number.
  const version = wordOf(swagger ?? openapi ?? '')
  if (version === '' || (field === '/openapi' && typeof openapi !== 'string')) {
    throw notOpenApi(field, 'must be a version such as "3.1.0"')
  }
  const isKnown = field === '/swagger' ? /^2(\.0)?$/ : /^3\.[01](\.|$)/
  if (isKnown.test(version)) return
  throw notOpenApi(field, `is ${version.slice(0, 20)}; only 2.0, 3.0 and 3.1 are read`)
}

function parseText(text: string): unknown {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw notOpenApi('', `is larger than ${MAX_TEXT_BYTES} bytes`)
  }
  try {
    // Editors begin files with a byte order mark, which JSON does not know.
    return /^\s*\{/.test(text) ? JSON.parse(text.replace(/^\uFEFF/, '')) : parseYaml(text)
  } catch (error) {
    if (error instanceof SyntaxError) {
      const [, offset] = /at position (\d+)/.exec(error.message) ?? []
      throw malformed('JSON', error, text, offset === undefined ? undefined : Number(offset))
    }
    if (error instanceof YAMLError) throw malformed('YAML', error, text, error.pos[0])
    // Too many aliases, or nesting that exhausts the stack of the parser.
    if (error instanceof ReferenceError || error instanceof RangeError) {
      throw notOpenApi('', 'is nested too deeply or repeats itself too often')
    }
    throw error
  }
}

/** Names the line, where the parser said at which offset it stopped. */
function malformed(format: string, error: Error, text: string, offset: number | undefined) {
  const line = offset === undefined ? '' : ` (line ${text.slice(0, offset).split('\n').length})`
  return notOpenApi('', `is not valid ${format}${line}: ${error.message}`)
}

/** The parser takes gigabytes for a short text of many dashes, so its tokens are looked at before. */
function refuseHeavyYaml(text: string): void {
  let brackets = 0
  let indicators = 0
  let tokens = 0
  let isScalar = false
  for (const token of new Lexer().lex(text)) {
    // The lexer announces the text of a scalar with a token of its own.
    const type = isScalar ? 'scalar' : CST.tokenType(token)
    isScalar = token === CST.SCALAR
    if (type === 'newline') indicators = 0
    else if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--
    else if (brackets === 0 && type?.endsWith('-ind')) indicators++
    if (++tokens > MAX_TOKENS) throw notOpenApi('', 'has too many parts')
    const isIndented = type === 'space' && token.length > MAX_INDENT
    if (isIndented || brackets > MAX_BRACKETS || indicators > MAX_INDICATORS_IN_LINE) {
      throw notOpenApi('', 'is nested too deeply')
    }
  }
}

function parseYaml(text: string): unknown {
  refuseHeavyYaml(text)
  // Looking for equal keys compares each with all others, which a long document makes slow.
  return parse(text, {
    maxAliasCount: MAX_ALIASES,
    uniqueKeys: false,
    logLevel: 'error',
    prettyErrors: false,
  })
}

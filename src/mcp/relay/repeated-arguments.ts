/** Arguments that a modern client has to repeat in headers (`x-mcp-header`), held against the body. */
import type { IncomingHttpHeaders } from 'node:http'

const BASE64 = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/**
 * The first header that differs from what it repeats.
 *
 * @param expected headers by name, in lower case, as a client would write them.
 */
export function differingHeader(
  expected: Record<string, string>,
  headers: IncomingHttpHeaders,
): string | undefined {
  return Object.entries(expected).find(([name, value]) => {
    const given = headers[name]
    return typeof given !== 'string' || !isSame(plainForm(given), plainForm(value))
  })?.[0]
}

/** A header's value without the marks of base64; `undefined` for marks around something else. */
function plainForm(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value
  const [, data] = BASE64.exec(value) ?? []
  if (data === undefined) return undefined
  const bytes = Buffer.from(data, 'base64')
  return bytes.toString('base64') === data ? bytes.toString() : undefined
}

function isSame(given: string | undefined, expected: string | undefined): boolean {
  if (given === undefined) return false
  const isNumber = /^-?\d+(\.\d+)?$/
  const areNumbers = isNumber.test(given) && isNumber.test(expected ?? '')
  return given === expected || (areNumbers && Number(given) === Number(expected))
}

/** A second net under the logs: what is named like a secret is not written, wherever it is nested. */
import { pino } from 'pino'

const SECRET_NAMES = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'api_key',
  'apikey',
  'x-api-key',
  'credential',
  'secret',
  'password',
  'token',
])

/** Deeper than this nothing is written, so that a circle ends. */
const MAX_DEPTH = 6

/** A copy of what is logged, as JSON will have it, without the values of secrets. */
export function redacted(fields: Record<string, unknown>): Record<string, unknown> {
  return withoutSecrets(fields, 0) as Record<string, unknown>
}

function withoutSecrets(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[deeper]'
  if (value instanceof Error) return withoutSecrets(pino.stdSerializers.err(value), depth)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return withoutSecrets(value.toJSON(), depth + 1)
  }
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth + 1))
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    SECRET_NAMES.has(name.toLowerCase()) ? '[redacted]' : withoutSecrets(member, depth + 1),
  ])
  return Object.fromEntries(entries)
}

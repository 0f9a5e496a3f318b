/** OpenAPI documents of tests, and what an import makes of them. */
import { Problem } from '#core/problem'
import { importOpenApi } from '#openapi'

export const price = { model: 'per_call', amount: '0.001' } as const

export type Members = Record<string, unknown>

export function document(paths: Members, more: Members = {}): Members {
  return {
    openapi: '3.1.0',
    info: { title: 'Acme Wiki', version: '1', description: 'All that Acme knows.' },
    servers: [{ url: 'https://api.acme.test/v1/' }],
    paths,
    ...more,
  }
}

type Named = { slug?: string; title?: string; base_url?: string }

export function read(given: unknown, listing: Named = {}) {
  return importOpenApi(given, { listing, price })
}

/** The one endpoint that `operation` becomes, and what was said about it. */
export function endpointOf(operation: Members, { path = '/a', method = 'get', ...more } = {}) {
  const { listing, warnings } = read(document({ [path]: { [method]: operation } }, more))
  return { endpoint: listing.endpoints[0]!, warnings: warnings.map(({ message }) => message) }
}

export function problemOf(given: unknown): Problem {
  try {
    read(given)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

export function jsonBody(schema: unknown, more: Members = {}): Members {
  return { requestBody: { required: true, content: { 'application/json': { schema } }, ...more } }
}

export function query(name: string, schema: unknown = { type: 'string' }, more: Members = {}) {
  return { name, in: 'query', schema, ...more }
}

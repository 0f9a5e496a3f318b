/** The REST face described as OpenAPI 3.1, from the very schemas that validate. */
import { z } from 'zod'
import { problems } from '#core/problem'
import { problemFields } from '#core/problem-fields'
import type { Route } from './route.js'
import { routes } from './routes/routes.js'

const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  ...problemFields,
  trace_id: z.string(),
})

export function openApiDocument(publicUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Souk',
      version: '0.1.0',
      description:
        'A metered marketplace gateway: find, price and buy single API calls. Amounts are decimal strings in USDC. Errors are RFC 9457 problem documents whose code and action say what to do.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
    },
  }
}

/** Every code that a refusal can have, for the reference page. */
export function problemRows(): { code: string; status: number; title: string; action: string }[] {
  return Object.entries(problems).map(([code, { status, title, action }]) => ({
    code,
    status,
    title,
    action,
  }))
}

function operation(route: Route): Record<string, unknown> {
  return {
    operationId: `${route.method}${route.path.replaceAll(/[^a-zA-Z0-9]+(\w?)/g, (_, first) => first.toUpperCase())}`,
    tags: [route.tag],
    summary: route.summary,
    ...(route.who !== 'anyone' && { security: [{ key: [] }] }),
    parameters: [
      ...pathParameters(route.path),
      ...queryParameters(route.query),
      ...headerParameters(route.headers),
    ],
    ...(route.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: jsonSchema(route.body, 'input') } },
      },
    }),
    responses: responsesOf(route),
  }
}

function responsesOf({ status = 200, result, raw, failures = [] }: Route) {
  const json = result && { 'application/json': { schema: jsonSchema(result, 'output') } }
  const refusal = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  }
  const content = { ...json, ...(raw !== undefined && { [raw]: {} }) }
  return {
    [status]: { description: 'Done', ...(status !== 204 && { content }) },
    ...Object.fromEntries(
      failures.map((failure) => [
        failure,
        { description: 'Not delivered, or refused', content: { ...json, ...refusal } },
      ]),
    ),
    default: { description: 'Refused', content: refusal },
  }
}

function pathParameters(path: string) {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function headerParameters(headers: Route['headers'] = {}) {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    schema: { type: 'string', description },
  }))
}

function queryParameters(query: z.ZodType | undefined) {
  if (!query) return []
  const schema = jsonSchema(query, 'input') as { properties?: Record<string, object> }
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    schema: property,
  }))
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema, ...json } = z.toJSONSchema(schema, { io }) as Record<string, unknown>
  return json
}

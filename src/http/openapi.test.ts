import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { problems } from '#core/problem'
import { openApiDocument } from './openapi.js'
import { docsPage } from './reference-page.js'
import { routes } from './routes/routes.js'

type Json = Record<string, unknown>
type Operation = {
  operationId: string
  tags: string[]
  summary: string
  security?: Json[]
  parameters: { name: string; in: string; required?: boolean; schema: Json }[]
  requestBody?: { content: Record<string, { schema: Json }> }
  responses: Record<string, { description: string; content?: Record<string, { schema?: Json }> }>
}

const document = openApiDocument('https://souk.example') as Json & {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

/** Every object inside a value, the value itself included. */
function objectsIn(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(objectsIn)
  return Array.isArray(value) ? inner : [value as Json, ...inner]
}

describe('openapi.json', () => {
  test('says what OpenAPI 3.1 requires of the whole', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d+$/),
      info: { title: expect.any(String), version: expect.any(String) },
      servers: [{ url: 'https://souk.example' }],
    })
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })

  test('has one operation for each route, and no other', () => {
    const described = operations.map(({ method, path }) => `${method} ${path}`)
    expect(described.toSorted()).toEqual(
      routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
    )
  })

  test('names each operation once, in letters and digits', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z0-9]+$/)
  })

  test('gives each operation a summary, a tag, a success and the refusal', () => {
    for (const { operation } of operations) {
      expect(operation.summary, operation.operationId).toMatch(/[.]$/)
      expect(operation.tags).toHaveLength(1)
      const statuses = Object.keys(operation.responses)
      expect(statuses.filter((status) => /^2\d\d$/.test(status))).toHaveLength(1)
      expect(operation.responses.default!.content).toEqual({
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
      })
      for (const { description } of Object.values(operation.responses))
        expect(description).toBeTruthy()
    }
  })

  test('describes the content of every success but 204', () => {
    for (const { operation } of operations) {
      const [status, response] = Object.entries(operation.responses).find(([code]) =>
        /^2/.test(code),
      )!
      const types = Object.entries(response.content ?? {})
      expect(types.length > 0, operation.operationId).toBe(status !== '204')
      for (const [type, { schema }] of types) {
        if (type === 'application/json') expect(schema, operation.operationId).toBeDefined()
      }
    }
  })

  test('declares exactly the variables of each path, each required, and no name twice', () => {
    for (const { path, operation } of operations) {
      const variables = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = operation.parameters.filter((parameter) => parameter.in === 'path')
      expect(declared.map(({ name }) => name)).toEqual(variables)
      for (const { required } of declared) expect(required).toBe(true)
      const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
      expect(new Set(names).size).toBe(names.length)
      for (const { schema } of operation.parameters) expect(schema).toBeDefined()
    }
  })

  test('has a body only where the method may have one', () => {
    for (const { method, operation } of operations) {
      if (operation.requestBody) expect(['post', 'put', 'patch']).toContain(method)
    }
  })

  test('asks for a key wherever a route does, by a scheme that it defines', () => {
    const { securitySchemes } = document.components as { securitySchemes: Json }
    for (const { path, method, operation } of operations) {
      const route = routes.find((one) => one.path === path && one.method === method)!
      expect(operation.security !== undefined).toBe(route.who !== 'anyone')
      for (const name of (operation.security ?? []).flatMap(Object.keys)) {
        expect(securitySchemes).toHaveProperty(name)
      }
    }
  })

  test('has no reference that leads nowhere', () => {
    const references = objectsIn(document).flatMap(({ $ref }) =>
      typeof $ref === 'string' ? [$ref] : [],
    )
    expect(references.length).toBeGreaterThan(0)
    for (const reference of references) {
      expect(reference).toMatch(/^#\//)
      let target: unknown = document
      for (const part of reference.slice(2).split('/'))
        target = (target as Json | undefined)?.[part]
      expect(target, reference).toBeDefined()
    }
  })

  test('holds schemas of JSON Schema 2020-12 only, which is what 3.1 takes', () => {
    // ajv is CommonJS: its default export is reached through require.
    const Ajv2020 = createRequire(import.meta.url)('ajv/dist/2020').default
    const ajv = new Ajv2020({ strict: false })
    const schemas = operations.flatMap(({ operation }) => [
      ...operation.parameters.map(({ schema }) => schema),
      ...Object.values(operation.requestBody?.content ?? {}).map(({ schema }) => schema),
      ...Object.entries(operation.responses)
        .filter(([status]) => status !== 'default')
        .flatMap(([, { content }]) => Object.entries(content ?? {}))
        .flatMap(([type, { schema }]) =>
          schema && !type.startsWith('application/problem') ? [schema] : [],
        ),
    ])
    expect(schemas.length).toBeGreaterThan(40)
    for (const schema of schemas) {
      expect(ajv.validateSchema(schema), JSON.stringify(ajv.errors)).toBe(true)
      expect(objectsIn(schema).filter((one) => '$schema' in one || 'nullable' in one)).toEqual([])
    }
  })

  test('types every query parameter, those that arrive as text and are read as numbers too', () => {
    for (const { operation } of operations) {
      for (const { name, schema } of operation.parameters) {
        expect(schema.type ?? schema.enum, `${operation.operationId} ${name}`).toBeDefined()
      }
    }
  })

  test('says of a call that it may come back undelivered, with the result of a call', () => {
    const { responses } = document.paths['/v1/calls']!.post!
    const result = responses['200']!.content!['application/json']
    for (const status of ['409', '502', '504']) {
      expect(responses[status]!.content!['application/json']).toEqual(result)
      expect(responses[status]!.content).toHaveProperty(['application/problem+json'])
    }
  })

  test('names the media type of answers that are not JSON', () => {
    const typesOf = (path: string) =>
      Object.keys(document.paths[path]!.get!.responses['200']!.content!)
    expect(typesOf('/v1/calls/{id}/body')).toEqual(['application/octet-stream'])
    expect(typesOf('/v1/receipts/{id}')).toEqual(['application/json', 'application/jose'])
    expect(typesOf('/metrics')).toEqual(['text/plain'])
  })
})

describe('/docs', () => {
  const page = docsPage('https://souk.example')

  test('has every route with its summary, under its tag', () => {
    for (const { method, path, summary, tag } of routes) {
      expect(page).toContain(`<code>${method.toUpperCase()} ${path}</code>`)
      expect(page).toContain(summary.replaceAll('"', '&quot;').replaceAll('<', '&lt;'))
      expect(page).toContain(`<h2 id="${tag}">`)
    }
  })

  test('has every code with its status, at the address that refusals name', () => {
    for (const [code, { status }] of Object.entries(problems)) {
      expect(page).toContain(`<tr id="${code}"><td><code>${code}</code></td><td>${status}</td>`)
    }
  })

  test('is well-formed where it repeats: every tag that is opened is closed', () => {
    for (const tag of ['table', 'tr', 'td', 'th', 'h2', 'h3', 'code', 'p', 'nav']) {
      const opened = page.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0
      const closed = page.match(new RegExp(`</${tag}>`, 'g'))?.length ?? 0
      expect({ tag, opened, closed }).toEqual({ tag, opened, closed: opened })
    }
  })

  test('has every id once, so that its links lead where they say', () => {
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [, anchor] of page.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(anchor)
  })

  test('escapes what it shows, and loads and runs nothing', () => {
    const hostile = docsPage('https://souk.example/"><script>alert(1)</script>&amp;')
    expect(hostile).not.toContain('<script')
    expect(hostile).toContain('&quot;>&lt;script>alert(1)&lt;/script>&amp;amp;')
    expect(page).not.toMatch(/<script|<img|<link|<iframe| on\w+=|javascript:/)
  })
})

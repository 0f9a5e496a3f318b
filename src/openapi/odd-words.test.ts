import { expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { importOpenApi } from './openapi.js'

/** As JSON.parse gives it: turning it into text the usual way throws a TypeError. */
const odd = { toString: 1, valueOf: 1 }
const price = { model: 'free' } as const

function aDocument(operation: unknown, changes: object = {}): unknown {
  const info = { title: 'Odd', version: '1' }
  const servers = [{ url: 'https://odd.example' }]
  return { openapi: '3.0.3', info, servers, paths: { '/x': { get: operation } }, ...changes }
}

const query = (parameter: object) =>
  aDocument({ parameters: [{ name: 'q', in: 'query', ...parameter }] })

test.each<[string, unknown]>([
  ['a place', query({ in: odd })],
  ['a name', query({ name: odd })],
  ['a style', query({ style: odd, schema: { type: 'array' } })],
  ['a type', query({ schema: { type: odd } })],
  ['a reference', query({ schema: { $ref: odd } })],
  ['an operation id', aDocument({ operationId: odd, summary: odd, tags: [odd] })],
  [
    'a variable',
    aDocument({}, { servers: [{ url: 'https://{h}.x', variables: { h: { default: odd } } }] }),
  ],
  [
    'a scheme',
    aDocument({}, { components: { securitySchemes: { a: { type: odd, scheme: odd } } } }),
  ],
  ['a version', { openapi: odd, paths: {} }],
  ['a version of Swagger', { swagger: odd, paths: {} }],
  ['a host', { swagger: '2.0', info: { title: 'Odd' }, host: odd, schemes: [odd], paths: {} }],
])('an object in place of %s is read or refused, and never breaks the import', (_, document) => {
  try {
    expect(importOpenApi(document, { listing: {}, price }).listing.endpoints).toHaveLength(1)
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
  }
})

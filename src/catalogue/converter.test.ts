import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Converter, createConverter } from './converter.js'

const OPTIONS = { listing: {}, price: { model: 'per_call', amount: '0.001' } } as const

let converter: Converter
beforeAll(() => {
  converter = createConverter()
})
afterAll(() => converter.close())

function bodyOf(names: readonly string[]): Uint8Array {
  const document = {
    openapi: '3.0.3',
    info: { title: 'Levels', version: '1' },
    servers: [{ url: 'https://gauges.example' }],
    paths: Object.fromEntries(names.map((name) => [`/${name}`, { get: { operationId: name } }])),
  }
  return Buffer.from(JSON.stringify({ document, slug: 'levels', publish: true }))
}

async function slugsOf(body: Uint8Array): Promise<string[]> {
  const conversion = converter.begin()
  const slugs: string[] = []
  await conversion.read(body)
  await conversion.convert(OPTIONS, undefined)
  for await (const { entries } of conversion.portions())
    slugs.push(...entries.map(({ slug }) => slug))
  conversion.forget()
  return slugs
}

test('a body is read apart from its document, which is known by its content', async () => {
  const conversion = converter.begin()
  const reading = await conversion.read(bodyOf(['low']))
  expect(reading).toMatchObject({ request: { slug: 'levels', publish: true }, hasDocument: true })
  const same = await converter.begin().read(bodyOf(['low']))
  const other = await converter.begin().read(bodyOf(['high']))
  expect(same.hash).toBe(reading.hash)
  expect(other.hash).not.toBe(reading.hash)
})

test('documents that are given out at the same time come whole and in order', async () => {
  const many = Array.from({ length: 4_000 }, (_, i) => `a${i}`)
  const few = Array.from({ length: 250 }, (_, i) => `b${i}`)
  const found = await Promise.all([slugsOf(bodyOf(many)), slugsOf(bodyOf(few))])
  expect(found).toEqual([many, few])
})

test.each([
  ['no JSON', '{"document":', 'not valid JSON'],
  ['no object', '[]', 'must be an object'],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'not valid UTF-8'],
])('a body that is %s is refused, and the thread goes on', async (_, body, message) => {
  await expect(converter.begin().read(Buffer.from(body))).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining(message),
  })
  expect(await slugsOf(bodyOf(['low']))).toEqual(['low'])
})

test('a document that is refused says where, also from the thread', async () => {
  const conversion = converter.begin()
  await conversion.read(Buffer.from('{"document":{"openapi":"3.0.0","paths":[]}}'))
  await expect(conversion.convert(OPTIONS, undefined)).rejects.toMatchObject({
    code: 'invalid_request',
    facts: { paths: [expect.objectContaining({ path: '/paths' })] },
  })
})

test('imports that are on when the thread ends are told; the next one gets a new thread', async () => {
  const conversion = converter.begin()
  const many = Array.from({ length: 20_000 }, (_, i) => `a${i}`)
  const reading = conversion.read(bodyOf(many)).then(() => conversion.convert(OPTIONS, undefined))
  const ended = expect(reading).rejects.toMatchObject({ code: 'invalid_request' })
  await converter.close()
  await ended
  expect(await slugsOf(bodyOf(['low']))).toEqual(['low'])
})

test('the end of the thread is no fault of imports that only waited, or only took their portions', async () => {
  const many = bodyOf(Array.from({ length: 4_000 }, (_, i) => `a${i}`))
  const waiting = converter.begin()
  const taking = converter.begin()
  await taking.read(Uint8Array.from(many))
  await taking.convert(OPTIONS, undefined)
  const portions = taking.portions()
  await portions.next()
  const ended = expect(converter.begin().read(many)).rejects.toMatchObject({
    code: 'invalid_request',
  })
  await converter.close()
  await ended
  const takeAll = async () => {
    for await (const _ of portions);
  }
  await expect(takeAll()).rejects.toMatchObject({ code: 'busy', status: 503 })
  expect(await waiting.read(bodyOf(['low']))).toMatchObject({ hasDocument: true })
})

import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ACatalogue, aCatalogue } from '../../test/support/a-catalogue.js'
import type { Json } from '../../test/support/world.js'

let world: ACatalogue
beforeAll(async () => {
  world = await aCatalogue()
})
afterAll(() => world.close())

function bodyOf(title: string, names: readonly string[], changes: Json = {}): Uint8Array {
  const operation = (name: string) => ({ operationId: name, summary: `The ${name}`, responses: {} })
  const document = {
    openapi: '3.0.3',
    info: { title, version: '1' },
    servers: [{ url: 'http://127.0.0.1:9001' }],
    paths: Object.fromEntries(names.map((name) => [`/${name}`, { get: operation(name) }])),
    ...(changes.document as Json),
  }
  const price = { model: 'per_call', amount: '0.001' }
  return Buffer.from(JSON.stringify({ price, ...changes, document }))
}

const send = (body: Uint8Array) => world.catalogue.importDocument(world.sellerId, body)
const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `station${i}`)

async function stored(slug: string): Promise<number> {
  const row = await world.store
    .db('endpoints')
    .where('endpoint_id', 'like', `${slug}.%`)
    .count({ count: '*' })
    .first()
  return Number(row!.count)
}

test('an import that a stop cuts off leaves a draft, which the next one completes', async () => {
  const body = () => bodyOf('Cuts', namesOf(3_000))
  const cut = expect(send(body())).rejects.toMatchObject({ code: 'busy', status: 503 })
  while ((await stored('cuts')) === 0) await wait(5)
  await world.catalogue.close()
  await cut
  const done = await stored('cuts')
  expect(done).toBeLessThan(3_000)
  await expect(send(body())).rejects.toMatchObject({ code: 'busy' })

  await world.reopen()
  const { isNew, listingId, imported } = await send(body())
  expect({ isNew, counts: imported.counts }).toMatchObject({
    isNew: false,
    counts: { created: 3_000 - done, unchanged: done },
  })
  const { listing, endpointCount } = await world.catalogue.own(world.sellerId, listingId!)
  expect({ status: listing.status, endpointCount }).toEqual({
    status: 'draft',
    endpointCount: 3_000,
  })
})

test('others write while a large document is imported', async () => {
  const sent = send(bodyOf('Crowds', namesOf(3_000), { publish: true }))
  let isDone = false
  const done = sent.then(() => {
    isDone = true
  })
  let writes = 0
  for (let amount = 0; !isDone; amount++) {
    await world.store.inTransaction((tx) =>
      tx('settings')
        .insert({ name: 'test', value: `${amount}` })
        .onConflict('name')
        .merge(),
    )
    writes++
    await wait(5)
  }
  await done
  expect(writes).toBeGreaterThan(10)
  const { results } = await world.catalogue.browse({ query: 'station2999', limit: 3 })
  expect(results.map(({ endpoint_id }) => endpoint_id)).toContain('crowds.station2999')
})

test('a document that did not change is known by its content and is not looked at again', async () => {
  const names = namesOf(5)
  const changes = { source: 'lakes.json' }
  await send(bodyOf('Lakes', names, changes))
  const before = await world.store.db('listings').where({ slug: 'lakes' }).first()
  const { imported } = await send(bodyOf('Lakes', names, changes))
  expect(imported.counts).toMatchObject({ created: 0, unchanged: 5 })
  expect(await world.store.db('listings').where({ slug: 'lakes' }).first()).toEqual(before)
})

test('a document that asks for a credential is published once it has it, which it keeps', async () => {
  const document = {
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: [{ key: [] }],
  }
  const first = await send(bodyOf('Seas', namesOf(2), { document, publish: true }))
  expect(first.imported.warnings[0]!.message).toContain('credential')
  const statusOf = async () =>
    (await world.catalogue.own(world.sellerId, first.listingId!)).listing.status
  expect(await statusOf()).toBe('draft')
  const credential = { type: 'bearer', token: 'token-of-the-seas' }
  await send(bodyOf('Seas', namesOf(2), { document, publish: true, credential }))
  expect(await statusOf()).toBe('published')
  await send(bodyOf('Seas', namesOf(3), { document }))
  const { listing, endpoints } = await world.catalogue.own(world.sellerId, first.listingId!)
  expect(listing.credential).toMatchObject({ type: 'bearer', sealed: expect.anything() })
  expect(endpoints).toHaveLength(3)
})

test('a retired listing is not brought back; its document makes another one', async () => {
  const changes = { source: 'ponds.json' }
  const first = await send(bodyOf('Ponds', namesOf(1), changes))
  await world.catalogue.retire(world.sellerId, first.listingId!)
  const second = await send(bodyOf('Ponds', namesOf(1), changes))
  expect(second).toMatchObject({ isNew: true, slug: expect.stringMatching(/^ponds-/) })
})

test('what was imported in part is refused when all of it is asked for', async () => {
  const own = { servers: [{ url: 'https://elsewhere.example' }] }
  const document = { paths: { '/in': { get: {} }, '/out': { get: { responses: {}, ...own } } } }
  const { imported } = await send(bodyOf('Bays', [], { document }))
  expect(imported.counts).toMatchObject({ created: 1, refused: 1 })
  const again = send(bodyOf('Bays', [], { document, strict: true, slug: 'bays' }))
  await expect(again).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('/paths/~1out/get'),
  })
})

test('a document of which nothing can be sold with the credential that is sent makes no listing', async () => {
  const parameters = [{ name: 'X-Key', in: 'header', schema: { type: 'string' } }]
  const document = { paths: { '/a': { get: { parameters } } } }
  const credential = { type: 'header', name: 'X-Key', value: 'key-of-the-fords' }
  const sent = send(bodyOf('Fords', [], { document, credential }))
  await expect(sent).rejects.toMatchObject({
    message: expect.stringMatching(/no operation that can be sold: at \/paths\/~1a\/get/),
  })
  expect(await world.store.db('listings').where({ slug: 'fords' })).toEqual([])
})

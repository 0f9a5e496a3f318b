/** A seller imports a document, changes things by hand, and imports it again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aWorld, type Json, type Party, type World } from '../support/world.js'

const PRICE = { model: 'per_call', amount: '0.001' }

let world: World
let seller: Party
beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Gauges Ltd')
})
afterAll(() => world.close())

/** A document with an operation for each of the names. */
function aDocument(title: string, names: readonly string[], changes: Json = {}): Json {
  const operation = (name: string) => ({
    operationId: name,
    summary: `Says ${name} of a river`,
    parameters: [{ name: 'river', in: 'query', required: true, schema: { type: 'string' } }],
    responses: { 200: { description: 'ok' } },
  })
  return {
    openapi: '3.0.3',
    info: { title, version: '1' },
    servers: [{ url: world.upstream.baseUrl }],
    paths: Object.fromEntries(names.map((name) => [`/${name}`, { get: operation(name) }])),
    ...changes,
  }
}

const send = (key: string, body: Json | Buffer, headers?: Record<string, string>) =>
  world.rest('POST', '/v1/listings/import', key, body, headers)

async function imported(body: Json, status = 200): Promise<Json> {
  const answer = await send(seller.key, { price: PRICE, ...body })
  expect(answer.status, answer.text).toBe(status)
  return answer.json
}

type Shown = { slug: string; version: number; status: string; price: Json; endpoint_id: string }
const endpointsOf = (listing: Json) =>
  Object.fromEntries((listing.endpoints as Shown[]).map((it) => [it.slug, it]))

test('importing again changes what changed, retires what vanished, restores what came back', async () => {
  const first = await imported({ document: aDocument('Levels', ['low', 'mean', 'high']) }, 201)
  expect(first).toMatchObject({
    slug: 'levels',
    status: 'draft',
    created: ['low', 'mean', 'high'],
    counts: { created: 3, changed: 0, restored: 0, unchanged: 0, retired: 0, refused: 0 },
  })
  const same = await imported({ document: aDocument('Levels', ['low', 'mean', 'high']) })
  expect(same).toMatchObject({ id: first.id, created: [], counts: { unchanged: 3 } })

  const other = aDocument('Levels', ['low', 'high', 'peak'])
  ;(other.paths as Record<string, { get: Json }>)['/high']!.get.summary = 'Says the highest level'
  const second = await imported({ document: other })
  expect(second).toMatchObject({ id: first.id, created: ['peak'], changed: ['high'] })
  expect(second).toMatchObject({ retired: ['mean'], counts: { unchanged: 1 } })
  expect(endpointsOf(second)).toMatchObject({
    low: { version: 1, status: 'active' },
    mean: { version: 1, status: 'retired' },
    high: { version: 2, status: 'active' },
    peak: { version: 1, status: 'active' },
  })

  const third = await imported({ document: aDocument('Levels', ['low', 'mean', 'high']) })
  expect(third).toMatchObject({ restored: ['mean'], changed: ['high'], retired: ['peak'] })
  expect(endpointsOf(third)).toMatchObject({
    mean: { version: 1, status: 'active' },
    high: { version: 3, status: 'active' },
  })
})

describe('what the seller changed by hand stays', () => {
  test('a price, a title, an endpoint of its own, and one that it retired', async () => {
    const document = () => aDocument('Rains', ['day', 'week', 'year'])
    const first = await imported({ document: document(), publish: true }, 201)
    expect(first.status).toBe('published')
    const path = `/v1/listings/${first.id}`
    const own = {
      ...{ slug: 'decade', title: 'Rain of a decade', description: 'All of it.' },
      ...{ method: 'GET', path: '/decade', price: { model: 'free' } },
      input_schema: { type: 'object', properties: {} },
    }
    const day = { slug: 'day', price: { model: 'per_call', amount: '0.5' } }
    const changes = { title: 'All rains', endpoints: [day, own], retire: ['year'] }
    expect((await world.rest('PATCH', path, seller.key, changes)).status).toBe(200)

    const price = { model: 'per_call', amount: '0.002' }
    const again = await imported({ document: document(), price })
    expect(again).toMatchObject({ title: 'All rains', changed: ['week'], retired: [] })
    expect(endpointsOf(again)).toMatchObject({
      day: { version: 2, price: { amount: '0.5' } },
      week: { version: 2, price: { amount: '0.002' } },
      year: { version: 1, status: 'retired' },
      decade: { version: 1, status: 'active' },
    })
    const found = await world.rest('GET', '/v1/endpoints?query=rain+week', seller.key)
    expect(found.text).toContain('rains.week')
  })
})

test('a dry run says what would change, and writes nothing', async () => {
  const before = await world.rest('GET', '/v1/listings', seller.key)
  const document = aDocument('Winds', ['speed', 'gust'])
  const foreseen = await imported({ document, dry_run: true })
  expect(foreseen).toMatchObject({ dry_run: true, slug: 'winds', created: ['speed', 'gust'] })
  expect(foreseen).not.toHaveProperty('id')
  expect((await world.rest('GET', '/v1/listings', seller.key)).json).toEqual(before.json)

  const { id } = await imported({ document }, 201)
  const next = aDocument('Winds', ['gust', 'direction'])
  const change = await imported({ document: next, dry_run: true })
  expect(change).toMatchObject({ id, created: ['direction'], retired: ['speed'] })
  expect(change).toMatchObject({ counts: { created: 1, unchanged: 1, retired: 1 } })
  const { json } = await world.rest('GET', `/v1/listings/${id}`, seller.key)
  expect(Object.keys(endpointsOf(json))).toEqual(['gust', 'speed'])
})

describe('a document of which a part is bad', () => {
  const partlyBad = () => {
    const document = aDocument('Tides', ['high', 'low'])
    const paths = document.paths as Json
    paths['/a/../b'] = { get: { summary: 'Climbs', responses: {} } }
    return document
  }

  test('gives its good operations, and says where the others are bad', async () => {
    const answer = await imported({ document: partlyBad() }, 201)
    expect(answer).toMatchObject({ created: ['high', 'low'], counts: { refused: 1 } })
    expect(answer.refused).toMatchObject([{ at: '/paths/~1a~1..~1b/get' }])
  })

  test('gives nothing where strict is set', async () => {
    const body = { document: partlyBad(), slug: 'strict-tides', strict: true, price: PRICE }
    const answer = await send(seller.key, body)
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(answer.json.paths).toMatchObject([{ path: '/paths/~1a~1..~1b/get' }])
    const { text } = await world.rest('GET', '/v1/listings', seller.key)
    expect(text).not.toContain('strict-tides')
  })

  test('gives nothing where nothing in it is good, and says where it is wrong', async () => {
    const wrong = { document: { openapi: '3.0.0', paths: [] }, price: PRICE }
    const answer = await send(seller.key, wrong)
    expect(answer).toMatchObject({ status: 400, json: { paths: [{ path: '/paths' }] } })
  })
})

describe('the slug', () => {
  test('of another seller, or of a listing made by hand, is never taken over', async () => {
    const stranger = await world.account('Other gauges')
    await imported({ document: aDocument('Floods', ['now']) }, 201)
    const body = { document: aDocument('Floods', ['now', 'then']), price: PRICE }
    expect(await send(stranger.key, body)).toMatchObject({
      status: 409,
      json: { code: 'slug_taken' },
    })
    const { slug } = await world.listing(seller)
    expect(await send(seller.key, { ...body, slug })).toMatchObject({ status: 409 })
    expect(await send(seller.key, { ...body, slug: 'openai' })).toMatchObject({ status: 409 })
  })

  test('gets a suffix that stays, where the document is known by its source', async () => {
    const stranger = await world.account('Third gauges')
    const body = (source: string) => ({
      document: aDocument('Snows', ['depth']),
      source,
      price: PRICE,
    })
    const slugs = ['alps/snows.json', 'andes/snows.json', 'andes/snows.json']
    const answers = []
    for (const source of slugs)
      answers.push(
        await imported(body(source), source === slugs[1] && answers.length === 2 ? 200 : 201),
      )
    expect(answers.map(({ slug }) => slug)).toEqual(['snows', 'snows-andes', 'snows-andes'])
    const other = await send(stranger.key, body('andes/snows.json'))
    expect(other.json.slug).toMatch(/^snows-[0-9a-f]{6}$/)
  })
})

describe('a hostile import', () => {
  test('reads no file and no address that a reference names', async () => {
    world.upstream.requests.length = 0
    const document = aDocument('Leaks', ['safe'])
    const schema = { $ref: `${world.upstream.baseUrl}/schema.json` }
    const file = { $ref: 'file:///etc/passwd' }
    Object.assign(document.paths as Json, {
      '/out': { get: { parameters: [{ name: 'q', in: 'query', schema }], responses: {} } },
      '/file': { get: { parameters: [file], responses: {} } },
      '/item': { $ref: '/etc/passwd' },
    })
    const answer = await imported({ document }, 201)
    expect(world.upstream.requests).toEqual([])
    expect(JSON.stringify(answer)).not.toContain('root:')
    expect(answer.created).toContain('safe')
  })

  test('with a bomb of aliases is refused', async () => {
    const level = (i: number) =>
      `a${i}: &a${i} [${Array(9).fill(i === 0 ? '"lol"' : `*a${i - 1}`)}]`
    const yaml = ['openapi: 3.0.3', ...Array.from({ length: 9 }, (_, i) => level(i)), 'paths: *a8']
    const answer = await send(seller.key, { document: yaml.join('\n'), price: PRICE })
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  })

  test('of 100 MB is too large, and one of 20 MB is not', async () => {
    const huge = Buffer.alloc(100 * 1024 * 1024, 0x20)
    expect(await send(seller.key, huge)).toMatchObject({ status: 413, json: { code: 'too_large' } })
    const document = aDocument('Large', ['one'], { 'x-padding': 'x'.repeat(20 * 1024 * 1024) })
    expect(await imported({ document }, 201)).toMatchObject({ created: ['one'] })
  })

  test('of the same document many times at once makes one listing, whole', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `gauge${i}`)
    const body = { document: aDocument('Crowds', names), price: PRICE }
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(seller.key, body)))
    const done = answers.filter(({ status }) => status !== 429 && status !== 503)
    expect(done.map(({ status }) => status).sort()).toEqual([...done.slice(1).map(() => 200), 201])
    for (const { status, json } of answers.filter((it) => !done.includes(it))) {
      expect([status, json.code]).toEqual([429, 'busy'])
    }
    const { json } = await world.rest('GET', `/v1/listings/${done[0]!.json.id}`, seller.key)
    expect(json.endpoint_count).toBe(300)
  })
})

test('a listing of thousands of endpoints is imported, found and shown in pages', async () => {
  const names = Array.from({ length: 2_345 }, (_, i) => `station${i}`)
  const minimal = { prefer: 'return=minimal' }
  const body = { document: aDocument('Stations', names), publish: true, price: PRICE }
  const answer = await send(seller.key, body, minimal)
  expect(answer.json).toMatchObject({ endpoint_count: 2_345, counts: { created: 2_345 } })
  expect(answer.json).not.toHaveProperty('endpoints')
  const seen = new Set<string>()
  let cursor = ''
  do {
    const path = `/v1/listings/${answer.json.id}${cursor && `?cursor=${cursor}`}`
    const { json } = await world.rest('GET', path, seller.key)
    for (const slug of Object.keys(endpointsOf(json))) seen.add(slug)
    cursor = (json.next_cursor as string | undefined) ?? ''
  } while (cursor !== '')
  expect(seen.size).toBe(2_345)
  const query = '/v1/endpoints?query=station1234&limit=3'
  expect((await world.rest('GET', query, seller.key)).text).toContain('stations.station1234')
  // Nothing but its document gives such a listing another backend.
  const backend = { type: 'http', base_url: `${world.upstream.baseUrl}/v2` }
  const patched = await world.rest('PATCH', `/v1/listings/${answer.json.id}`, seller.key, {
    backend,
  })
  expect(patched.status).toBe(400)
})

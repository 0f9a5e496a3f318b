import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import {
  type ACatalogue,
  aCatalogue,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import type { Json } from '../../test/support/world.js'
import { readShipped } from './shipped.js'

let world: ACatalogue

beforeEach(async () => {
  world = await aCatalogue()
})

afterEach(() => world.close())

/** A live provider as a file of `catalog/` has it. */
function aProvider(changes: Json = {}): Json {
  return {
    slug: 'tides',
    title: 'Tide tables',
    description: 'High and low water.',
    category: 'sea',
    status: 'live',
    provider: { homepage: 'https://tides.example', terms_url: 'https://tides.example/terms' },
    backend: { type: 'http', base_url: 'https://api.tides.example' },
    credential: { type: 'none' },
    endpoints: [anEndpoint({ slug: 'today', price: { model: 'free' } })],
    ...changes,
  }
}

const write = (provider: Json, name = `${provider.slug}.yaml`) =>
  writeFileSync(join(world.folder, name), stringify(provider))

/** A start of the gateway, as far as the shipped catalogue goes. */
async function start(): Promise<void> {
  await world.reopen()
  await world.catalogue.loadShipped(world.sellerId)
  await world.catalogue.follow()
}

const found = async (query: string) =>
  (await world.catalogue.browse({ query, limit: 5 })).results.map(({ endpoint_id }) => endpoint_id)
const own = async () => (await world.catalogue.listOwn(world.sellerId)).listings[0]!
const versions = async () => world.store.db('endpoint_versions').orderBy(['endpoint_id', 'version'])

describe('a file', () => {
  test('that is live is on sale after the start, as a listing of the operator', async () => {
    write(aProvider())
    await start()
    expect(await found('tide')).toEqual(['tides.today'])
    expect(await own()).toMatchObject({
      listing: { status: 'published', sellerId: world.sellerId },
    })
    expect((await world.catalogue.describe('tides.today')).provider).toEqual({
      homepage: 'https://tides.example',
      terms_url: 'https://tides.example/terms',
    })
  })

  test('that did not change is not applied again', async () => {
    write(aProvider())
    await start()
    const before = await own()
    world.clock.advance(1_000)
    await start()
    expect(await own()).toEqual(before)
    expect(world.search.puts).toBe(0)
  })

  test('that changed makes new versions of what changed, and retires what it no longer has', async () => {
    const endpoints = [anEndpoint({ slug: 'today' }), anEndpoint({ slug: 'old', path: '/old' })]
    write(aProvider({ endpoints }))
    await start()
    const price = { model: 'per_call', amount: '0.002' }
    write(aProvider({ title: 'Tides', endpoints: [anEndpoint({ slug: 'today', price })] }))
    await start()
    const { listing, endpoints: after } = await own()
    expect(listing.title).toBe('Tides')
    expect(after.map(({ slug, version, status }) => [slug, version, status])).toEqual([
      ['old', 1, 'retired'],
      ['today', 2, 'active'],
    ])
    expect(await found('search')).toEqual(['tides.today'])
  })

  test('that is a draft is not found, not described and not for sale', async () => {
    write(aProvider({ status: 'draft', operator_must: 'Get a key.' }))
    await start()
    expect(await found('tide')).toEqual([])
    for (const ask of [world.catalogue.describe, world.catalogue.offer]) {
      await expect(ask('tides.today')).rejects.toMatchObject({ code: 'endpoint_not_found' })
    }
  })

  test('has its slug reserved: no other seller can take it, not even before it is loaded', async () => {
    write(aProvider())
    await world.reopen()
    await expect(
      world.catalogue.create(world.sellerId, aListing({ slug: 'tides' })),
    ).rejects.toMatchObject({ code: 'slug_taken' })
    await world.catalogue.create(world.sellerId, aListing({ slug: 'tides-of-mine' }))
  })
})

describe('a listing that the operator changed', () => {
  test('stays as they left it at every later start, even when its file changes', async () => {
    write(aProvider())
    await start()
    const { listing } = await own()
    await world.catalogue.pause(world.sellerId, listing.id)
    const price = { model: 'per_call' as const, amount: '0.5' }
    await world.catalogue.change(world.sellerId, listing.id, {
      endpoints: [{ slug: 'today', price }],
    })
    const before = await own()
    const rows = await versions()
    await start()
    write(aProvider({ title: 'Overwritten' }))
    await start()
    expect(await own()).toEqual(before)
    expect(await versions()).toEqual(rows)
    expect(await found('tide')).toEqual([])
  })

  test('is a draft put on sale: with its credential set and published, and says so until then', async () => {
    const draft = { status: 'draft', operator_must: 'Get a key at https://tides.example/keys.' }
    write(aProvider({ ...draft, credential: { type: 'header', name: 'x-api-key' } }))
    await start()
    const { id } = (await own()).listing
    await expect(world.catalogue.publish(world.sellerId, id)).rejects.toMatchObject({
      code: 'invalid_request',
      action: 'Get a key at https://tides.example/keys.',
    })
    const credential = {
      type: 'header' as const,
      name: 'x-api-key',
      value: 'a-key-of-the-operator',
    }
    await world.catalogue.setCredential(world.sellerId, id, credential)
    await world.catalogue.publish(world.sellerId, id)
    expect(await found('tide')).toEqual(['tides.today'])
    await start()
    expect((await world.catalogue.offer('tides.today')).credential).toEqual(credential)
  })
})

describe('a file that is wrong stops the load with its name', () => {
  test.each<[string, Json]>([
    ['a slug that is not its name', { slug: 'waves' }],
    ['a value of a credential', { credential: { type: 'bearer', token: 'a-token' } }],
    ['no terms', { provider: { homepage: 'https://tides.example' } }],
    ['an unknown field', { colour: 'blue' }],
    ['an unknown status', { status: 'published' }],
    ['no endpoint', { endpoints: [] }],
    ['a path variable without argument', { endpoints: [anEndpoint({ path: '/{port}' })] }],
    ['an argument at the place of the credential', { credential: { type: 'query', name: 'q' } }],
  ])('%s', (_, changes) => {
    const endpoints = [
      anEndpoint({ input_schema: { type: 'object', properties: { q: { type: 'string' } } } }),
    ]
    const text = stringify(aProvider({ endpoints, ...changes }))
    expect(() => readShipped(text, 'tides.yaml')).toThrow(/^catalog\/tides\.yaml: /)
  })

  test('and the files before it are applied whole', async () => {
    write(aProvider({ slug: 'a-first' }))
    write({ slug: 'b-broken' })
    await expect(start()).rejects.toThrow('catalog/b-broken.yaml')
    expect((await own()).listing.slug).toBe('a-first')
  })

  test('also where it is not YAML', () => {
    expect(() => readShipped('slug: [', 'tides.yaml')).toThrow(/^catalog\/tides\.yaml: /)
  })
})

/** Two gateways on one PostgreSQL and one Meilisearch, which is a stand-in: one fills it, both ask it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AMeilisearch, aMeilisearch } from '../support/a-meilisearch.js'
import { aPostgresUrl } from '../support/a-postgres.js'
import { aWorld, type Json, type Party, type World } from '../support/world.js'

const SOON = { timeout: 20_000, interval: 100 }

let server: AMeilisearch
let one: World
let other: World
let drop: () => Promise<void>
let seller: Party

beforeAll(async () => {
  server = await aMeilisearch()
  const database = await aPostgresUrl()
  drop = database.drop
  const shared = {
    DATABASE_URL: database.url,
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
    MEILI_URL: server.url,
    MEILI_KEY: server.key,
  }
  one = await aWorld(shared)
  other = await aWorld(shared)
  seller = await one.account('Seller')
  await Promise.all([inStep(one), inStep(other)])
})

afterAll(async () => {
  await other.close()
  await one.close()
  await drop()
  await server.close()
})

const browse = (world: World, query: string) =>
  world.rest('GET', `/v1/endpoints?query=${query}`, seller.key)

/** Until Meilisearch answers, which it does where it holds all that the gateway knows of. */
async function inStep(world: World): Promise<void> {
  await vi.waitFor(async () => {
    expect((await browse(world, 'sunrise')).json).not.toHaveProperty('search')
  }, SOON)
}

async function publish(world: World, slug: string, title: string): Promise<string> {
  return (await world.listing(seller, { slug, endpoint: { title } })).endpointId
}

async function findsRemotely(world: World, query: string, endpointId: string): Promise<void> {
  await vi.waitFor(async () => {
    const { json } = await browse(world, query)
    expect((json.results as Json[]).map(({ endpoint_id }) => endpoint_id)).toContain(endpointId)
    expect(json).not.toHaveProperty('search')
  }, SOON)
}

test('both are on the same index, and each change is sent once', async () => {
  expect([...server.indexes.keys()]).toHaveLength(1)
  const before = server.requests.length
  const endpointId = await publish(other, 'tides', 'Tide tables')
  for (const world of [one, other]) await findsRemotely(world, 'tides', endpointId)
  const sent = server.requests.slice(before).filter((line) => /^POST .*\/documents$/.test(line))
  expect(sent).toHaveLength(1)
})

test('when the one that fills it stops, the other takes over', async () => {
  await one.stop()
  const endpointId = await publish(other, 'moons', 'Phases of moons')
  await findsRemotely(other, 'moons', endpointId)
  await one.restart()
  await other.stop()
  const next = await publish(one, 'eclipses', 'Next eclipses')
  await findsRemotely(one, 'eclipses', next)
})

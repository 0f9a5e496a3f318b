/**
 * The story of a catalogue on Meilisearch: what is published is found there, and while the server is
 * away buyers find it all the same and are told. The server is a stand-in.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.js'
import { doctorCommand } from '../../src/doctor-command.js'
import { settingsOf } from '../support/a-copy.js'
import { type AMeilisearch, aMeilisearch } from '../support/a-meilisearch.js'
import { aWorld, type Json, type Party, type World } from '../support/world.js'

const KEY = 'a-key-that-nobody-may-ever-see'
const FALLBACK = { engine: 'embedded', fallback: true }
/** The gateway brings the server up each second, and after a failure tries again that much later. */
const SOON = { timeout: 20_000, interval: 100 }

let server: AMeilisearch
let world: World
let seller: Party
let settings: Record<string, string>

beforeAll(async () => {
  server = await aMeilisearch()
  server.key = KEY
  settings = { MEILI_URL: server.url, MEILI_KEY: KEY }
  world = await aWorld(settings)
  seller = await world.account('Seller')
})

afterAll(async () => {
  await world.close()
  await server.close()
})

beforeEach(async () => {
  await server.comeBack()
  await inStep()
})

const aListing = (slug: string, title: string) =>
  world.listing(seller, { slug, endpoint: { title } })

const browse = (query: Json) => world.tool(world.buyer.key, 'browse_apis', query)

async function inStep(): Promise<void> {
  await vi.waitFor(
    async () => expect(await browse({ query: 'sunrise' })).not.toHaveProperty('search'),
    SOON,
  )
}

const idsIn = ({ results }: Json) =>
  (results as { endpoint_id: string }[]).map(({ endpoint_id }) => endpoint_id)

async function examine() {
  const lines: string[] = []
  const config = readConfig({ ...settingsOf(world), ...settings }, join(tmpdir(), 'none.yaml'))
  const code = await doctorCommand(config, [], (line) => lines.push(line))
  return { code, line: lines.find((line) => line.includes(' search: ')), all: lines.join('\n') }
}

test('what is published is found at once, marked until the server has it, too', async () => {
  const { endpointId } = await aListing('tides', 'Tide tables')
  const found = await browse({ query: 'tides' })
  expect(idsIn(found)).toContain(endpointId)
  await inStep()
  const before = server.requests.length
  expect(idsIn(await browse({ query: 'tides' }))).toContain(endpointId)
  expect(server.requests.slice(before)).toContain('POST /multi-search')
})

test('while the server is away both faces find all the same, and say so', async () => {
  const { endpointId } = await aListing('moons', 'Phases of moons')
  await inStep()
  await server.goAway()
  const found = await browse({ query: 'moons' })
  expect(idsIn(found)).toContain(endpointId)
  expect(found.search).toEqual(FALLBACK)
  const { status, json } = await world.rest('GET', '/v1/endpoints?query=moons', world.buyer.key)
  expect({ status, search: json.search }).toEqual({ status: 200, search: FALLBACK })
  await aListing('eclipses', 'Next eclipses')
  await server.comeBack()
  await inStep()
  expect(idsIn(await browse({ query: 'eclipses' }))).toHaveLength(1)
})

test('a gateway starts while the server is away', async () => {
  await server.goAway()
  await world.restart()
  expect((await world.rest('GET', '/readyz', undefined)).status).toBe(200)
  expect(await browse({ query: 'sunrise' })).toMatchObject({ search: FALLBACK })
})

test('the doctor tells how the server is', async () => {
  const well = await examine()
  expect(well.line).toMatch(/^ok {2}search: Meilisearch 1\.50\.0, \d+ endpoints, in step$/)
  server.indexes.forEach(({ rows }) => {
    const [key] = [...rows].find(([, row]) => row.is_shown)!
    rows.delete(key)
  })
  expect((await examine()).line).toMatch(
    /^BAD search: it holds \d+ endpoints, and \d+ are published: delete the index on the server/,
  )
  server.key = 'another'
  const locked = await examine()
  server.key = KEY
  expect(locked.code).toBe(1)
  expect(locked.line).toMatch(/^BAD search: Meilisearch answered 403 \(invalid_api_key\)/)
  await server.goAway()
  const away = await examine()
  expect(away.line).toMatch(/^BAD search: Meilisearch does not answer \(ECONNREFUSED\)/)
  for (const { all } of [well, locked, away]) expect(all).not.toContain(KEY)
  await server.comeBack()
  server.indexes.clear()
})

test('an index that was deleted on the server is made anew', async () => {
  server.indexes.clear()
  await vi.waitFor(() => expect(server.indexes.size).toBe(1), SOON)
  await inStep()
  const { json } = await world.rest('GET', '/v1/endpoints?limit=20', world.buyer.key)
  expect((json.results as Json[]).length).toBeGreaterThan(10)
})

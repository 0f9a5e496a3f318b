/** Calls that the account above pays for, when their gateway dies and when the books are audited. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reap } from '#calls'
import { doctorCommand } from '../../src/doctor-command.js'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

let world: World
let company: Party
let team: Party
let seller: Party

beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Seller')
  company = await world.account('Company', '1')
  const { json } = await world.rest('POST', '/v1/sub-accounts', company.key, { name: 'Team' })
  team = { id: json.id, slug: json.slug, key: json.api_key } as Party
})

afterAll(() => world.close())

const buy = (key: string, endpoint_id: string, more: Json = {}) =>
  world.rest('POST', '/v1/calls', key, {
    ...{ endpoint_id, arguments: { space: 'main', q: 'tea' } },
    ...more,
  })

async function faults(): Promise<string[]> {
  const lines: string[] = []
  await doctorCommand(world.started.gateway.config, [], (line) => lines.push(line))
  return lines.filter((line) => line.startsWith('BAD'))
}

const balance = async () => (await world.rest('GET', '/v1/balance', company.key)).json

test('a call that its gateway left behind gives its payer the money back, and the doctor is content', async () => {
  const { endpointId } = await world.listing(seller)
  let answer = () => {}
  const arrived = new Promise<void>((resolve) => {
    world.upstream.answerWith((req, res) => {
      answer = () => answerJson(200, {})(req, res)
      resolve()
    })
  })
  const lost = buy(team.key, endpointId, { idempotency_key: 'lost' })
  await arrived
  expect(await balance()).toMatchObject({ available: '0.99895', held: '0.00105' })
  expect(await faults()).toEqual([])
  const { deps } = world.started.gateway
  // As another gateway would find it: not among the calls that run there.
  expect(await reap({ ...deps, running: new Map() }, Number.POSITIVE_INFINITY)).toBe(1)
  expect(await balance()).toMatchObject({ available: '1', held: '0' })
  answer()
  expect((await lost).json).toMatchObject({ outcome: 'refunded', balance: '1' })
  const again = await buy(team.key, endpointId, { idempotency_key: 'lost' })
  expect(again.json).toMatchObject({ code: 'call_interrupted', balance: '1' })
  expect(await faults()).toEqual([])
})

test('the doctor finds a call of which another one paid', async () => {
  world.upstream.answerWith(answerJson(200, {}))
  const { endpointId } = await world.listing(seller)
  const { json } = await buy(team.key, endpointId)
  const { db } = world.started.gateway.deps.store
  const ofCall = () => db('calls').where({ buyer_id: team.id, id: json.call_id as string })
  await ofCall().update({ payer_id: null })
  const found = await faults()
  expect(found).toContainEqual(expect.stringContaining(`${json.call_id} of ${team.id} should have`))
  expect(found).toContainEqual(expect.stringContaining('no such call'))
  await ofCall().update({ payer_id: company.id })
  expect(await faults()).toEqual([])
})

test('accounts below an account share its free calls of a day', async () => {
  const price = { model: 'free', daily_cap: 2 }
  const { endpointId } = await world.listing(seller, { endpoint: { price } })
  const statuses: number[] = []
  for (const key of [team.key, company.key, team.key, company.key]) {
    statuses.push((await buy(key, endpointId)).status)
  }
  expect(statuses).toEqual([200, 200, 429, 429])
})

test('accounts below an account have one voice in what is said of a seller', async () => {
  const { endpointId } = await world.listing(seller)
  for (const { key } of [team, company]) {
    const { json } = await buy(key, endpointId)
    const mark = { call_id: json.call_id, score: 5 }
    expect((await world.rest('POST', '/v1/ratings', key, mark)).status).toBe(200)
  }
  const { store } = world.started.gateway.deps
  const row = await store.db('endpoint_standings').where({ endpoint_id: endpointId }).first()
  expect(row).toMatchObject({ ratings: 2n })
  const alone = await world.listing(seller)
  const { json } = await buy(company.key, alone.endpointId)
  await world.rest('POST', '/v1/ratings', company.key, { call_id: json.call_id, score: 5 })
  const other = await store
    .db('endpoint_standings')
    .where({ endpoint_id: alone.endpointId })
    .first()
  expect(row.weight).toBe(other.weight)
})

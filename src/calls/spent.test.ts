import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerJson, aShop, type Party, type World } from '../../test/support/world.js'
import { spentOn } from './spent.js'

let world: World
let buyer: Party
let endpointId: string

beforeAll(async () => {
  const shop = await aShop()
  ;({ world, buyer, endpointId } = shop)
})

afterAll(() => world.close())

const spent = (buyerId: string, endpoint = endpointId) =>
  spentOn(world.started.gateway.deps.store, buyerId, endpoint)

test('what was charged for the endpoint counts, without the fee, and nothing else', async () => {
  expect(await spent(buyer.id)).toBe(0n)
  const other = await world.listing(await world.account('Other'))
  const order = { arguments: { space: 'main', q: 'tea' } }
  const buy = (endpoint_id: string) =>
    world.rest('POST', '/v1/calls', buyer.key, { ...order, endpoint_id })
  await buy(endpointId)
  await buy(endpointId)
  await buy(other.endpointId)
  world.upstream.answerWith(answerJson(500, {}))
  await buy(endpointId)
  expect(await spent(buyer.id)).toBe(2_000_000n)
  expect(await spent(buyer.id, other.endpointId)).toBe(1_000_000n)
  expect(await spent('acct_nobody')).toBe(0n)
})

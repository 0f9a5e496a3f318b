import { expect, test } from 'vitest'
import { aWorld } from '../support/world.js'

test('a call is bought, charged to the nano, and its receipt is there', async () => {
  const world = await aWorld()
  const seller = await world.account('Seller')
  const buyer = await world.account('Buyer', '1')
  const { endpointId } = await world.listing(seller)
  const bought = await world.tool(buyer.key, 'call_api', {
    endpoint_id: endpointId,
    arguments: { space: 'a', q: 'b' },
  })
  expect(bought).toMatchObject({
    outcome: 'charged',
    charge: { amount: '0.001', fee: '0.00005', total: '0.00105' },
    balance: '0.99895',
  })
  await world.close()
})

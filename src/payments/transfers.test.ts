import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { parseUsdc, ZERO } from '#core/money'
import { aWorld, type Json, type Party, type World } from '../../test/support/world.js'
import { transferEarnings } from './payments.js'

let world: World
let seller: Party
let principal: Principal

beforeAll(async () => {
  world = await aWorld()
  seller = await world.account('Acme')
  principal = await world.started.gateway.deps.accounts.authenticate(seller.key)
  const { endpointId } = await world.listing(seller)
  const buyer = await world.account('Ada', '1')
  for (const q of ['tea', 'milk', 'rice']) {
    const order = { endpoint_id: endpointId, arguments: { space: 'main', q } }
    expect((await world.rest('POST', '/v1/calls', buyer.key, order)).status).toBe(200)
  }
})

afterAll(() => world.close())

const transfer = (amount: string, idempotencyKey?: string, by = principal) =>
  transferEarnings(world.started.gateway.deps, by, { amount: parseUsdc(amount), idempotencyKey })

async function pockets() {
  const of = async (path: string): Promise<Json> => (await world.rest('GET', path, seller.key)).json
  return [(await of('/v1/earnings')).available, (await of('/v1/balance')).available]
}

describe('earnings that are made spendable', () => {
  test('are there once for one key, whoever repeats it, at once or later', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => transfer('0.001', 'first')))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect(await pockets()).toEqual(['0.002', '0.001'])
    await expect(transfer('0.002', 'first')).rejects.toMatchObject({
      code: 'idempotency_conflict',
    })
    expect(await pockets()).toEqual(['0.002', '0.001'])
  })

  test('of another API key are others, for the same idempotency key', async () => {
    const { accounts } = world.started.gateway.deps
    const made = await accounts.createKey(principal, { name: 'm', scopes: ['manage'] })
    await transfer('0.001', 'first', await accounts.authenticate(made.secret))
    expect(await pockets()).toEqual(['0.001', '0.002'])
  })

  test('are never more than was earned, and never nothing', async () => {
    await expect(transfer('0.0010001')).rejects.toMatchObject({
      code: 'insufficient_balance',
      facts: { available: '0.001', required: '0.0010001' },
    })
    const { deps } = world.started.gateway
    const nothing = transferEarnings(deps, principal, { amount: ZERO })
    await expect(nothing).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('go to the account above, where that one pays', async () => {
    const { accounts } = world.started.gateway.deps
    const { secret } = await accounts.subAccounts.create(principal, { name: 'Team' })
    const { endpointId } = await world.listing({ id: '', slug: '', key: secret })
    const buyer = await world.account('Bob', '1')
    const order = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
    await world.rest('POST', '/v1/calls', buyer.key, order)
    const before = await pockets()
    await transfer('0.001', undefined, await accounts.authenticate(secret))
    expect(before[1]).toBe('0.002')
    expect(await pockets()).toEqual([before[0], '0.003'])
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseUsdc, ZERO } from '#core/money'
import { answerJson, aWorld, type Json, type Party, type World } from '../../test/support/world.js'
import { earnings, grant } from './payments.js'

let world: World
let buyer: Party

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Ada')
})

afterAll(() => world.close())

const grantTo = (id: string, body: unknown, key: string = world.operatorKey) =>
  world.rest('POST', `/v1/accounts/${id}/grants`, key, body)

const balanceOf = async ({ key }: Party) => (await world.rest('GET', '/v1/balance', key)).json

describe('a grant', () => {
  test('adds to what can be spent, to the last nano, and says the new balance', async () => {
    const first = await grantTo(buyer.id, { amount: '1.000000001', reason: 'test' })
    expect(first).toMatchObject({
      status: 201,
      json: { account_id: buyer.id, amount: '1.000000001', balance: '1.000000001' },
    })
    const second = await grantTo(buyer.id, { amount: '0.5', reason: 'test' })
    expect(second.json.balance).toBe('1.500000001')
    expect(second.json.id).not.toBe(first.json.id)
    expect(await balanceOf(buyer)).toMatchObject({ available: '1.500000001', held: '0' })
  })

  test.each(['0', '-1', '1e3', '0.0000000001', '1000000001', 5, '', 'all'])(
    'of %j is refused',
    async (amount) => {
      const before = await balanceOf(buyer)
      const { status, json } = await grantTo(buyer.id, { amount, reason: 'test' })
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'invalid_request' })
      expect(await balanceOf(buyer)).toEqual(before)
    },
  )

  test('needs a reason, an account and the operator', async () => {
    const terms = { amount: '1', reason: 'test' }
    expect(await grantTo(buyer.id, { amount: '1' })).toMatchObject({ status: 400 })
    expect(await grantTo('acct_nobody', terms)).toMatchObject({
      status: 404,
      json: { code: 'account_not_found' },
    })
    expect(await grantTo(buyer.id, terms, buyer.key)).toMatchObject({
      status: 403,
      json: { code: 'forbidden' },
    })
  })

  test('is in the audit, also when the gateway stopped right behind it', async () => {
    const { deps } = world.started.gateway
    const account = await deps.accounts.get(buyer.id)
    const terms = { amount: parseUsdc('1'), reason: 'test' }
    const act = { act: 'grant.create', by: { accountId: 'acct_operator' } } as const
    const { id } = await grant(deps, account, {
      ...terms,
      beside: (target) => deps.audit.waiting({ ...act, target }),
    })
    const found = async () =>
      (await deps.audit.list({ after: 0, limit: 99 })).filter(({ target }) => target === id)
    expect(await found()).toEqual([])
    await deps.audit.takeInAll()
    expect(await found()).toMatchObject([
      { act: 'grant.create', by: { account_id: 'acct_operator' } },
    ])
  })

  test('exists only in the sandbox', async () => {
    const { deps } = world.started.gateway
    const account = await deps.accounts.get(buyer.id)
    const terms = { amount: parseUsdc('1'), reason: 'test' }
    await expect(grant({ ...deps, sandbox: false }, account, terms)).rejects.toMatchObject({
      code: 'forbidden',
    })
    await expect(grant(deps, account, { ...terms, amount: ZERO })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('earnings', () => {
  test('are what delivered calls paid, without the fee, and nothing for others', async () => {
    const seller = await world.account('Acme')
    const { endpointId } = await world.listing(seller)
    const call = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
    for (const status of [200, 500, 200]) {
      world.upstream.answerWith(answerJson(status, {}))
      await world.rest('POST', '/v1/calls', buyer.key, call)
    }
    const nothing: Json = { currency: 'USDC', available: '0', pending: '0', paid_out: '0' }
    const earned = await world.rest('GET', '/v1/earnings', seller.key)
    expect(earned.json).toEqual({ ...nothing, available: '0.002' })
    const { deps } = world.started.gateway
    const account = await deps.accounts.get(buyer.id)
    expect(await earnings(deps, { account })).toEqual(nothing)
  })

  test('are shown to keys that sell or read', async () => {
    const made = await world.rest('POST', '/v1/keys', buyer.key, { name: 'c', scopes: ['call'] })
    const refused = await world.rest('GET', '/v1/earnings', made.json.api_key as string)
    expect(refused).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } })
  })
})

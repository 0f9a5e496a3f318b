import { afterAll, beforeAll, expect, test } from 'vitest'
import { aWorld, type World } from '../../test/support/world.js'
import { giveOwedCredit } from './payments.js'

let world: World

beforeAll(async () => {
  world = await aWorld({ SOUK_SIGNUP: 'invite' })
})

afterAll(() => world.close())

const balanceOf = async (key: string) =>
  (await world.rest('GET', '/v1/balance', key)).json.available

test('the credit of an invitation is given once, also when the gateway stopped after the sign-up', async () => {
  const { deps } = world.started.gateway
  const { signUps } = deps.accounts
  const { code } = await signUps.invite({ credit: '2.5' })
  const signUp = { name: 'Guest', invite: code, address: '127.0.0.1' }
  const { secret, invite } = await signUps.signUp(signUp)
  expect(await balanceOf(secret)).toBe('0')
  expect(await signUps.owed()).toMatchObject([{ id: invite!.id, credit: '2.5' }])

  // It stopped before it wrote down that it gave the credit, too.
  const forgetful = { ...signUps, settle: async () => {} }
  await giveOwedCredit({ ...deps, accounts: { signUps: forgetful } })
  expect(await balanceOf(secret)).toBe('2.5')
  await giveOwedCredit(deps)
  expect(await balanceOf(secret)).toBe('2.5')
  expect(await signUps.owed()).toEqual([])
})

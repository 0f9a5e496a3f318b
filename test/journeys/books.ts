/** What the books say, read over REST as their owners would. Amounts are nano-USDC. */
import { expect } from 'vitest'
import type { World } from '../support/world.js'

/** Written here again, so that the project's own reading of amounts decides nothing. */
export function nanosOf(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.')
  return BigInt(whole + fraction.padEnd(9, '0'))
}

export async function expectBalance(
  world: World,
  key: string,
  available: string,
  held = '0',
): Promise<void> {
  const { json } = await world.rest('GET', '/v1/balance', key)
  expect(json).toMatchObject({ currency: 'USDC', available, held })
}

/** What a seller earned so far. */
export async function earnedBy(world: World, key: string): Promise<bigint> {
  const { json } = await world.rest('GET', '/v1/earnings', key)
  expect(json).toMatchObject({ currency: 'USDC', pending: '0', paid_out: '0' })
  return nanosOf(json.available as string)
}

/** The fees so far, from books that balance. */
export async function feesSoFar(world: World): Promise<bigint> {
  const { json } = await world.rest('GET', '/v1/operator/ledger', world.operatorKey)
  expect(json).toMatchObject({ balanced: true, open_holds: 0, findings: [] })
  const accounts = json.accounts as { name: string; balance: string }[]
  const total = accounts.reduce((sum, { balance }) => sum + signedNanosOf(balance), 0n)
  expect(total).toBe(0n)
  return nanosOf(accounts.find(({ name }) => name === 'platform:fees')?.balance ?? '0')
}

function signedNanosOf(amount: string): bigint {
  return amount.startsWith('-') ? -nanosOf(amount.slice(1)) : nanosOf(amount)
}

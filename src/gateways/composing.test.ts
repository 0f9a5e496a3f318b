import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccounts, type Principal } from '#accounts'
import { handClock } from '#core/clock'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createComposing } from './composing.js'

let opened: OpenedStore
let principal: Principal

beforeAll(async () => {
  opened = await aStore()
  const accounts = createAccounts({ ...opened, clock: handClock(), keyEnvironment: 'test' })
  const { secret } = await accounts.create({ name: 'Acme' })
  principal = await accounts.authenticate(secret)
})
afterAll(() => opened.close())

test('a change that others overtake while it is checked undoes nothing of theirs', async () => {
  let whileChecked = async () => {}
  const catalogue = {
    async visibleNames() {
      await whileChecked()
      const endpoints = new Map([['wiki.search', 1]])
      return { endpoints, listings: new Set<string>(), servers: new Set<string>() }
    },
  }
  const gateways = createComposing(
    { store: opened.store, clock: handClock(), catalogue, isServer: () => false },
    () => {},
  )
  const input = { name: 'Mine', type: 'mcp', endpoint: 'mine', configuration: {} } as const
  const { id, updatedAtMs } = await gateways.create(principal, input)
  whileChecked = async () => void (await gateways.change(principal, id, { name: 'Ours' }))
  const configuration = { tools: ['wiki.search'] }
  const changed = await gateways.change(principal, id, { configuration })
  expect(changed).toMatchObject({ name: 'Ours', configuration })
  expect(changed.updatedAtMs).toBe(updatedAtMs + 2)
})

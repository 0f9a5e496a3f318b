/** What seed 502263 found; a storm meets it about once in two thousand. */
import { expect, test } from 'vitest'
import { buy, grant, start } from './actors.js'
import type { OrderPlan } from './orders.js'
import { sqlite } from './sqlite-adapter.js'
import { createWorld, pass, type World } from './world.js'

const ORDER: OrderPlan = {
  name: '',
  buyer: 0,
  key: 0,
  endpoint: 'wiki.page',
  argument: 'tea',
  idempotencyKey: 'the key',
  version: 1,
  maxPrice: undefined,
  quote: 'none',
  leaves: false,
}
const DAY_MS = 24 * 3_600_000

test('a call that was given up does not free its key from the call that took it over', async () => {
  const database = await sqlite.open()
  const world = createWorld({ seed: '0', database, gateways: 1 })
  await start(world, 0)
  await goOn(world)
  for (const buyer of world.market.buyers) grant(world, buyer)
  await goOn(world)
  const [gateway] = world.gateways

  buy(world, gateway!, { ...ORDER, name: 'slow', leaves: true })
  await goOn(world, 'slow: release')
  pass(world, DAY_MS)
  buy(world, gateway!, { ...ORDER, name: 'next' })
  await goOn(world, 'slow: release')
  await goOn(world)
  buy(world, gateway!, { ...ORDER, name: 'retry' })
  await goOn(world)

  const results = world.memory.told.map(({ order, result }) => [order.name, result])
  const { next, slow, retry } = Object.fromEntries(results)
  expect(slow).toMatchObject({ outcome: 'failed' })
  expect(retry).toMatchObject({ callId: next.callId, replayed: true })
  await gateway!.connected.abandon()
  await database.close()
})

/** Lets all come to its end, or to the one gate that stays closed. */
async function goOn({ scheduler }: World, closed?: string): Promise<void> {
  for (;;) {
    await scheduler.settled()
    const next = scheduler.waiting().find(({ name }) => name !== closed)
    if (!next) return
    scheduler.open(next)
  }
}

/**
 * Real crashes where gateways share a PostgreSQL: one of three is killed at a random moment under
 * load, round after round. `SOUK_FAULT_SEED` repeats the chances of a run, `SOUK_FAULT_ROUNDS` sets
 * how many.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectFaultsOfAllKinds } from './expect-promises.js'
import { type Fleet, type Member, openFleet } from './fleet.js'
import { buyUntil, sendAgain } from './load.js'
import { lotsOf, roundsOf, SEED } from './lots.js'
import type { Purchase } from './market.js'
import { momentsOf } from './moments.js'

const ROUNDS = roundsOf(10)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 120_000 + ROUNDS * 30_000
/** How long the others are bought from, at most, after one was killed. */
const LONGEST_ALONE_MS = 300

const lots = lotsOf(SEED)
const moments = momentsOf(lots)
let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet(lots, moments)
}, TIMEOUT_MS)

afterAll(() => fleet?.close())

test('killed at any moment, one of three gateways takes nothing down with it', {
  timeout: TIMEOUT_MS,
}, async ({ onTestFailed }) => {
  let round = 0
  onTestFailed(() =>
    console.error(`Round ${round} of SOUK_FAULT_SEED=${SEED}\n${fleet.lastWords()}`),
  )
  const purchases: Purchase[] = []
  while (round < ROUNDS) {
    round++
    const { fresh, killed } = await crashUnderLoad(round)
    purchases.push(...fresh)
    // The last one is left to find the holds of the dead by itself.
    if (round < ROUNDS) await letHoldsEnd()
    await Promise.all([fleet.startAgain(killed), sendAgain(lots, fresh, fleet.sendUntilAnswered)])
    await fleet.expectPromisesKept(purchases)
  }
  expectFaultsOfAllKinds(purchases, ROUNDS)
  expect(purchases.some(({ isLost }) => isLost)).toBe(true)
  await fleet.stop()
})

/** Buys until one gateway is dead, and a little longer from the others. */
async function crashUnderLoad(round: number): Promise<{ fresh: Purchase[]; killed: Member }> {
  const { members, market } = fleet
  const killed = members[lots.between(0, members.length - 1, 'killed', round)]!
  let isOver = false
  moments.strike(round, () => {
    killed.isDown = true
    killed.gateway.kill('SIGKILL')
    const alone = pause(lots.between(0, LONGEST_ALONE_MS, 'alone', round))
    void alone.then(() => {
      isOver = true
    })
  })
  const fresh = await buyUntil(() => isOver, {
    lots,
    buyers: market.buyers,
    round,
    send: async (purchase) => expect(await fleet.send(purchase)).not.toBe('busy'),
  })
  expect(await killed.gateway.ended).toMatchObject({ signal: 'SIGKILL' })
  return { fresh, killed }
}

/** As time does. No call is running any more, so that all are those of the dead. */
async function letHoldsEnd(): Promise<void> {
  await fleet.query('update ledger_holds set deadline = 0')
}

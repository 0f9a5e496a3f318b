/**
 * Real faults where three gateways share a PostgreSQL: a gateway is killed or stopped, or the
 * database crashes, at random moments under load, round after round. `SOUK_FAULT_SEED` repeats the
 * chances of a run, `SOUK_FAULT_ROUNDS` sets how many rounds each test plays.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { killTheRest } from '../journeys/gateway-process.js'
import { expectFaultsOfAllKinds } from './expect-promises.js'
import { type Fleet, openFleet } from './fleet.js'
import { loseAnswers } from './lost-answers.js'
import { loseDatabase } from './lost-database.js'
import { loseGateway } from './lost-gateway.js'
import { roundsOf, SEED } from './lots.js'
import { outsleepSeat, seats, takeNap } from './stopped-gateway.js'

const KILLS = roundsOf(10)
const OUTAGES = roundsOf(2)
const CUTS = roundsOf(2)
const NAPS = roundsOf(2)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 180_000 + KILLS * 30_000

let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet(SEED)
}, TIMEOUT_MS)

beforeEach(({ onTestFailed }) => {
  onTestFailed(() =>
    console.error(`Round ${fleet.round} of SOUK_FAULT_SEED=${SEED}\n${fleet.lastWords()}`),
  )
})

afterAll(async () => {
  await killTheRest()
  await fleet?.close()
})

test('a gateway that is stopped for a moment goes on from its seat', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let nap = 1; nap <= NAPS; nap++) await takeNap(fleet)
  expect(await seats(fleet)).toHaveLength(fleet.members.length)
})

test('one that is stopped for longer than its seat lasts finds it taken, and its calls ended', {
  timeout: TIMEOUT_MS,
}, async () => {
  await outsleepSeat(fleet)
})

test('killed at any moment, one of three gateways takes nothing down with it', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let kill = 1; kill <= KILLS; kill++) await loseGateway(fleet)
  expectFaultsOfAllKinds(fleet.purchases, KILLS)
})

test('a database that crashes delays calls or has them refused, and no gateway with it', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let outage = 1; outage <= OUTAGES; outage++) await loseDatabase(fleet)
})

test('a gateway that loses answers of the database neither repeats nor forgets what it wrote', {
  timeout: TIMEOUT_MS,
}, async () => {
  for (let cut = 1; cut <= CUTS; cut++) await loseAnswers(fleet)
})

test('after all of it, every gateway ends as it should', { timeout: TIMEOUT_MS }, async () => {
  await Promise.all([...fleet.members].map(fleet.leave))
})

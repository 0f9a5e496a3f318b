/**
 * Real crashes: the built gateway is killed at random moments under load, round after round on one
 * data folder. `SOUK_FAULT_SEED` repeats the chances of a run, `SOUK_FAULT_ROUNDS` sets how many.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  killTheRest,
  startGateway,
} from '../journeys/gateway-process.js'
import { expectFaultsOfAllKinds, expectPromisesKept } from './expect-promises.js'
import { type FlakyUpstream, flakyUpstream } from './flaky-upstream.js'
import { keptRecords } from './kept-records.js'
import { buyUntil, sendAgain } from './load.js'
import { lotsOf, roundsOf, SEED } from './lots.js'
import { buy, type Market, OPERATOR_KEY, openMarket, type Purchase } from './market.js'
import { momentsOf } from './moments.js'

const ROUNDS = roundsOf(12)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 60_000 + ROUNDS * 20_000

const BUYERS = 4
/** How long an upstream that says nothing is waited for. */
const UPSTREAM_TIME_MS = 400
/** How far into a start the gateway is killed, where it is. A start takes about a second. */
const STARTED_FOR_MS = 900

const lots = lotsOf(SEED)
const moments = momentsOf(lots)
const folder = emptyFolder()
let upstream: FlakyUpstream

beforeAll(async () => {
  upstream = await flakyUpstream(lots, moments)
  await build()
}, TIMEOUT_MS)

afterAll(async () => {
  await killTheRest()
  await upstream.close()
  folder.remove()
})

test('killed at any moment, a gateway loses no money, no receipt and no answer', {
  timeout: TIMEOUT_MS,
}, async ({ onTestFailed }) => {
  let round = 0
  onTestFailed(() => console.error(`Round ${round} of SOUK_FAULT_SEED=${SEED}`))
  let gateway = await start()
  const market = await openMarket(gateway.url, upstream.baseUrl, BUYERS)
  const purchases: Purchase[] = []
  const records = async () => keptRecords(join(folder.path, 'data', 'souk.db'))
  while (round < ROUNDS) {
    round++
    const fresh = await crashUnderLoad(gateway, market, round)
    purchases.push(...fresh)
    expect(fresh.some(({ isLost }) => isLost)).toBe(true)
    gateway = await startAgain(round)
    const { url } = gateway
    await sendAgain(lots, fresh, (purchase) => buy(url, purchase))
    await expectPromisesKept(url, { market, purchases, upstream, records })
  }
  expectFaultsOfAllKinds(purchases, ROUNDS)

  gateway.kill('SIGTERM')
  expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' })
})

/** Buys until the gateway is dead, and gives all that was asked for. */
async function crashUnderLoad(
  gateway: GatewayProcess,
  { buyers }: Market,
  round: number,
): Promise<Purchase[]> {
  const death = moments.strike(round, () => gateway.kill('SIGKILL'))
  const send = (purchase: Purchase) => buyOrLose(gateway, purchase, death.isDue)
  const purchases = await buyUntil(death.isDue, { lots, buyers, round, send })
  expect(await gateway.ended).toMatchObject({ signal: 'SIGKILL', stderr: '' })
  return purchases
}

async function buyOrLose(
  gateway: GatewayProcess,
  purchase: Purchase,
  isDying: () => boolean,
): Promise<void> {
  moments.happened('asked')
  try {
    await buy(gateway.url, purchase)
    moments.happened('answered')
  } catch (error) {
    // What `fetch` throws when a connection breaks; nothing else may be taken for the crash.
    if (!isDying() || !(error instanceof TypeError)) throw error
    purchase.isLost = true
  }
}

function start(): Promise<GatewayProcess> {
  return startGateway(folder.path, {
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    SOUK_UPSTREAM_TIME_MS: String(UPSTREAM_TIME_MS),
  })
}

/** Starts the gateway on what the crash left; at times it is killed while it starts, too. */
async function startAgain(round: number): Promise<GatewayProcess> {
  if (lots.draw('stillborn', round) < 0.25) {
    const stillborn = start().catch(() => undefined)
    await pause(lots.between(0, STARTED_FOR_MS, 'started-for', round))
    await killTheRest()
    await stillborn
  }
  const gateway = await start()
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  return gateway
}

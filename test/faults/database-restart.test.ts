/**
 * PostgreSQL crashes under three gateways and is there again a little later. Calls wait for it or are
 * refused, nothing is lost, and no gateway has to be started again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, openFleet } from './fleet.js'
import { buyUntil, newPurchase, sendAgain } from './load.js'
import { lotsOf, roundsOf, SEED } from './lots.js'
import type { Purchase } from './market.js'
import { momentsOf } from './moments.js'

const ROUNDS = roundsOf(4)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 120_000 + ROUNDS * 30_000
const OUTAGE_MS = { least: 200, most: 2_000 }
/** How long there is load after the database is back. */
const AFTERWARDS_MS = 300
/** Between two looks at what is answered meanwhile. */
const LOOK_MS = 100

/** What reads the database in other ways than a paid call does. */
const READS = [
  '/readyz',
  '/v1/me',
  '/v1/balance',
  '/v1/usage',
  '/v1/statement',
  '/v1/keys',
  '/v1/listings',
  '/v1/endpoints?query=count',
  '/v1/endpoints/flaky.count',
  '/v1/earnings',
]

const lots = lotsOf(SEED)
const moments = momentsOf(lots)
let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet(lots, moments)
}, TIMEOUT_MS)

afterAll(() => fleet?.close())

test('a database that crashes under load delays calls or has them refused, and loses nothing', {
  timeout: TIMEOUT_MS,
}, async ({ onTestFailed }) => {
  let round = 0
  onTestFailed(() =>
    console.error(`Round ${round} of SOUK_FAULT_SEED=${SEED}\n${fleet.lastWords()}`),
  )
  const purchases: Purchase[] = []
  while (round < ROUNDS) {
    round++
    const fresh = await restartUnderLoad(round)
    purchases.push(...fresh)
    await sendAgain(lots, fresh, fleet.sendUntilAnswered)
    await fleet.expectPromisesKept(purchases)
  }
  await expectAllServe(purchases)
  await fleet.stop()
})

/** Buys until the database was away and is there again. */
async function restartUnderLoad(round: number): Promise<Purchase[]> {
  const { server, market } = fleet
  let restarted: Promise<void> | undefined
  let isOver = false
  moments.strike(round, () => {
    restarted = restart()
    void restarted.finally(() => {
      isOver = true
    })
  })
  const fresh = await buyUntil(() => isOver, {
    lots,
    buyers: market.buyers,
    round,
    send: fleet.send,
  })
  await restarted
  return fresh

  async function restart(): Promise<void> {
    await server.stopImmediately()
    let isBack = false
    const looks = lookWhile(() => !isBack)
    await pause(lots.between(OUTAGE_MS.least, OUTAGE_MS.most, 'outage', round))
    await server.start()
    isBack = true
    await looks
    await pause(AFTERWARDS_MS)
  }
}

/** Asks every gateway for all kinds of things again and again. */
async function lookWhile(isGoingOn: () => boolean): Promise<void> {
  const looks = fleet.members.flatMap(({ gateway: { url } }) =>
    ['/healthz', ...READS].map(async (path) => {
      while (isGoingOn()) {
        await expectServedOrBusy(url, path)
        await pause(LOOK_MS)
      }
    }),
  )
  await Promise.all(looks)
}

async function expectServedOrBusy(url: string, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${fleet.market.buyers[0]!.key}` }
  const response = await fetch(url + path, { headers })
  const text = await response.text()
  expect(path === '/healthz' ? [200] : [200, 503], `${path}: ${text}`).toContain(response.status)
  if (response.status === 200) return
  expect(JSON.parse(text)).toMatchObject({ code: 'busy' })
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
}

/** The processes are those that were started first: each sells, and says that it is ready. */
async function expectAllServe(purchases: Purchase[]): Promise<void> {
  for (const [place, { gateway }] of fleet.members.entries()) {
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
    const purchase = newPurchase(fleet.market.buyers[0]!, `at-the-end-${place}`)
    purchases.push(purchase)
    await fleet.sendUntilAnswered(purchase)
  }
}

/**
 * Real crashes: the built gateway is killed at random moments under load, round after round on one
 * data folder. `SOUK_FAULT_SEED` repeats the chances of a run, `SOUK_FAULT_ROUNDS` sets how many.
 */
import { randomInt } from 'node:crypto'
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
import { jwksOf } from '../journeys/receipt-by-hand.js'
import { type FlakyUpstream, flakyUpstream } from './flaky-upstream.js'
import { keptRecords } from './kept-records.js'
import { lotsOf } from './lots.js'
import {
  balanceOf,
  buy,
  ledgerOf,
  type Market,
  OPERATOR_KEY,
  openMarket,
  type Purchase,
} from './market.js'
import { brokenPromises } from './promises.js'

const SEED = process.env.SOUK_FAULT_SEED ?? String(randomInt(1_000_000_000))
const ROUNDS = Number(process.env.SOUK_FAULT_ROUNDS ?? 20)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 60_000 + ROUNDS * 20_000

const BUYERS = 4
const CALLERS = 32
const RETRIES_AT_ONCE = 16
/** How long an upstream that says nothing is waited for. */
const UPSTREAM_TIME_MS = 400
/** How far into a start the gateway is killed, where it is. A start takes about a second. */
const STARTED_FOR_MS = 900
const DRAIN_TIMEOUT_MS = 30_000

/** What is counted until the gateway is killed, in the order in which a call passes through. */
const HAPPENINGS = ['asked', 'arrived', 'delivered', 'answered'] as const
type Happening = (typeof HAPPENINGS)[number]

const lots = lotsOf(SEED)
const folder = emptyFolder()
let watch: (happening: Happening) => void = () => {}
let upstream: FlakyUpstream

beforeAll(async () => {
  upstream = await flakyUpstream(lots, {
    arrival: () => watch('arrived'),
    delivery: () => watch('delivered'),
  })
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
  while (round < ROUNDS) {
    round++
    const fresh = await crashUnderLoad(gateway, market, round)
    purchases.push(...fresh)
    expect(fresh.some(({ isLost }) => isLost)).toBe(true)
    gateway = await startAgain(round)
    await retry(gateway, fresh)
    await expectPromisesKept(gateway, market, purchases)
  }
  expectFaultsOfAllKinds(purchases)

  gateway.kill('SIGTERM')
  expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' })
})

/** Buys with all callers until the gateway is dead, and gives all that was asked for. */
async function crashUnderLoad(
  gateway: GatewayProcess,
  { buyers }: Market,
  round: number,
): Promise<Purchase[]> {
  const purchases: Purchase[] = []
  const death = killAtRandom(gateway, round)
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const buyer = buyers[caller % buyers.length]!
    for (let n = 1; !death.isDue(); n++) {
      const order = `round-${round}-caller-${caller}-order-${n}`
      const purchase: Purchase = { buyer, order, answer: undefined, isLost: false }
      purchases.push(purchase)
      const twin = lots.draw('twin', order) < 0.25 ? [purchase] : []
      const earlier = lots.draw('earlier', order) < 0.1 ? anyAnswered(purchases) : []
      const sent = [purchase, ...twin, ...earlier].map((one) => send(gateway, one, death.isDue))
      await Promise.all(sent)
    }
  })
  await Promise.all(callers)
  expect(await gateway.ended).toMatchObject({ signal: 'SIGKILL', stderr: '' })
  return purchases
}

async function send(
  gateway: GatewayProcess,
  purchase: Purchase,
  isDying: () => boolean,
): Promise<void> {
  watch('asked')
  try {
    await buy(gateway.url, purchase)
    watch('answered')
  } catch (error) {
    // What `fetch` throws when a connection breaks; nothing else may be taken for the crash.
    if (!isDying() || !(error instanceof TypeError)) throw error
    purchase.isLost = true
  }
}

/** Kills the gateway once something has happened so many times, at once or a little later. */
function killAtRandom(gateway: GatewayProcess, round: number): { isDue(): boolean } {
  const happening = HAPPENINGS[lots.between(0, HAPPENINGS.length - 1, 'happening', round)]
  const delayMs = Math.max(0, lots.between(-20, 20, 'delay', round))
  let left = lots.between(10, 150, 'count', round)
  let isDue = false
  watch = (happened) => {
    if (happened !== happening || --left !== 0) return
    if (delayMs === 0) kill()
    else setTimeout(kill, delayMs)
  }
  return { isDue: () => isDue }

  function kill(): void {
    isDue = true
    gateway.kill('SIGKILL')
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

/** Sends what was answered once more, and most of what was lost, twice at the same time. */
async function retry(gateway: GatewayProcess, purchases: readonly Purchase[]): Promise<void> {
  const again = purchases.flatMap((purchase) => {
    if (!purchase.isLost) return [purchase]
    return lots.draw('retry', purchase.order) < 0.75 ? [purchase, purchase] : []
  })
  const rest = again.values()
  const retriers = Array.from({ length: RETRIES_AT_ONCE }, async () => {
    for (const purchase of rest) await buy(gateway.url, purchase)
  })
  await Promise.all(retriers)
}

async function expectPromisesKept(
  { url }: GatewayProcess,
  market: Market,
  purchases: readonly Purchase[],
): Promise<void> {
  const openHolds = async () => (await ledgerOf(url)).open_holds
  await expect.poll(openHolds, { timeout: DRAIN_TIMEOUT_MS }).toBe(0)
  const ledger = await ledgerOf(url)
  expect(ledger).toMatchObject({ balanced: true, findings: [] })
  const balances = new Map<string, string>()
  for (const buyer of market.buyers) {
    const { available, held } = await balanceOf(url, buyer)
    expect(held).toBe('0')
    balances.set(buyer.id, available)
  }
  const broken = await brokenPromises({
    market,
    purchases,
    upstream,
    records: keptRecords(join(folder.path, 'data', 'souk.db')),
    balances,
    ledger: new Map(ledger.accounts.map(({ name, balance }) => [name, balance])),
    jwks: await jwksOf(url),
  })
  expect(broken).toEqual([])
}

/** A run that met no fault would prove nothing. */
function expectFaultsOfAllKinds(purchases: readonly Purchase[]): void {
  const statuses = new Set(purchases.map(({ answer }) => answer?.httpStatus))
  expect(statuses).toContain(200)
  if (ROUNDS >= 10)
    expect([...statuses]).toEqual(expect.arrayContaining([409, 502, 504, undefined]))
}

/** One that was answered already, if there is one. */
function anyAnswered(purchases: readonly Purchase[]): Purchase[] {
  const answered = purchases.filter(({ answer }) => answer !== undefined)
  const place = lots.between(0, answered.length - 1, 'answered', purchases.length)
  return answered.slice(place, place + 1)
}

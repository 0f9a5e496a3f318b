/**
 * A gateway that is stopped (`SIGSTOP`) in the middle of its work, for a moment or for longer than
 * its seat and its holds last. The others go on meanwhile and end its calls; when it wakes up it is
 * kept from what is no longer its own, and goes on, too.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DATABASE_NOW_MS } from '#store'
import { isSilentTo } from './flaky-upstream.js'
import { type Fleet, type Member, openFleet } from './fleet.js'
import { buyUntil, newPurchase, sendAgain } from './load.js'
import { lotsOf, roundsOf, SEED } from './lots.js'
import type { Purchase } from './market.js'
import { momentsOf } from './moments.js'

const NAPS = roundsOf(4)
/** For a machine far slower than any that a person works at. */
const TIMEOUT_MS = 180_000 + NAPS * 30_000
const NAP_MS = { least: 50, most: 1_500 }
/** How long there is load before a gateway is stopped for long, and after any was stopped. */
const LOAD_MS = 300
/** A transaction of a gateway that runs never waits so long for its next statement. */
const STILL_MS = 60
const ARRIVAL_TIMEOUT_MS = 30_000
const EXPIRY_TIMEOUT_MS = 60_000

const lots = lotsOf(SEED)
const moments = momentsOf(lots)
const purchases: Purchase[] = []
let round = 0
let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet(lots, moments)
}, TIMEOUT_MS)

afterAll(() => fleet?.close())

const lastWords = () => `Round ${round} of SOUK_FAULT_SEED=${SEED}\n${fleet.lastWords()}`

test('a gateway that is stopped for a moment goes on where it was', {
  timeout: TIMEOUT_MS,
}, async ({ onTestFailed }) => {
  onTestFailed(() => console.error(lastWords()))
  while (round < NAPS) {
    round++
    await buyDuring(async (load) => {
      const { gateway } = aMember()
      await new Promise<void>((resolve) => {
        moments.strike(round, () => resolve(void gateway.kill('SIGSTOP')))
      })
      await pause(lots.between(NAP_MS.least, NAP_MS.most, 'nap', round))
      gateway.kill('SIGCONT')
      await pause(LOAD_MS)
      load.end()
    })
  }
  expect(await seats()).toHaveLength(fleet.members.length)
})

test('one that is stopped for longer than its seat lasts finds it taken and its calls ended', {
  timeout: TIMEOUT_MS,
}, async ({ onTestFailed }) => {
  onTestFailed(() => console.error(lastWords()))
  round++
  const sleeper = aMember()
  let silent: Purchase | undefined
  await buyDuring(async (load) => {
    await pause(LOAD_MS)
    const stopped = await stopInTransaction(sleeper)
    silent = stopped.silent
    for (const purchase of [silent, ...load.open]) purchase.isLost = true
    try {
      await pause(LOAD_MS)
      load.end()
      await replace(sleeper)
    } finally {
      sleeper.gateway.kill('SIGCONT')
    }
    await stopped.answered
  })
  expect(silent?.answer).toMatchObject({ code: 'call_interrupted', outcome: 'refunded' })

  await sellFrom(sleeper, 'awake')
  expect(await seats()).toHaveLength(fleet.members.length)
  await fleet.expectPromisesKept(purchases)
  await fleet.stop()
})

/** What is asked for at the moment, and how to let it end. */
type Load = { open: ReadonlySet<Purchase>; end(): void }

/** Buys while something happens, and holds all that came of it to account. */
async function buyDuring(happens: (load: Load) => Promise<void>): Promise<void> {
  const open = new Set<Purchase>()
  let isOver = false
  const end = () => {
    isOver = true
  }
  const happening = happens({ open, end }).finally(end)
  const load = { lots, buyers: fleet.market.buyers, round, send }
  const [fresh] = await Promise.all([buyUntil(() => isOver, load), happening])
  purchases.push(...fresh)
  await sendAgain(lots, fresh, fleet.sendUntilAnswered)
  await fleet.expectPromisesKept(purchases)

  async function send(purchase: Purchase): Promise<void> {
    open.add(purchase)
    expect(await fleet.send(purchase)).not.toBe('busy')
    open.delete(purchase)
  }
}

/** Stops a gateway that waits for an upstream, and has locked what the others need, too. */
async function stopInTransaction(member: Member) {
  const { gateway } = member
  for (let n = 1; ; n++) {
    const silent = aSilentOrder(n)
    const answered = fleet.sendTo(member, silent)
    const hasArrived = () => fleet.upstream.arrivals.has(silent.order)
    await expect.poll(hasArrived, { interval: 5, timeout: ARRIVAL_TIMEOUT_MS }).toBe(true)
    gateway.kill('SIGSTOP')
    await pause(STILL_MS)
    const [standing] = await fleet.query(`select pid from pg_stat_activity
      where state = 'idle in transaction'
        and state_change < clock_timestamp() - interval '${STILL_MS / 2} ms'`)
    if (standing) return { silent, answered }
    gateway.kill('SIGCONT')
    await answered
  }
}

/** What the others do while a gateway does not move: they sell, end its calls, and one takes its seat. */
async function replace(sleeper: Member): Promise<void> {
  const others = fleet.members.filter((member) => member !== sleeper)
  for (const [place, other] of others.entries()) await sellFrom(other, `meanwhile-${place}`)
  const hasExpired = async () => (await seats()).some(({ is_over }) => is_over === 1n)
  await expect.poll(hasExpired, { timeout: EXPIRY_TIMEOUT_MS }).toBe(true)
  await expect.poll(openHolds, { timeout: EXPIRY_TIMEOUT_MS }).toBe(0n)
  const before = await seats()
  await sellFrom(await fleet.join(), 'joined')
  expect((await seats()).map(({ name }) => name)).toEqual(before.map(({ name }) => name))
}

/** Every buyer gets an answer from this gateway. */
async function sellFrom(member: Member, what: string): Promise<void> {
  for (const buyer of fleet.market.buyers) {
    const purchase = newPurchase(buyer, `round-${round}-${what}-${buyer.id}`)
    purchases.push(purchase)
    expect(await fleet.sendTo(member, purchase)).toBe('answered')
  }
}

/** The one of this number among those that the seller never answers. */
function aSilentOrder(number: number): Purchase {
  let left = number
  for (let n = 1; ; n++) {
    const order = `silent-${n}`
    if (!isSilentTo(lots, order) || --left > 0) continue
    const purchase = newPurchase(fleet.market.buyers[0]!, order)
    purchases.push(purchase)
    return purchase
  }
}

function aMember(): Member {
  return fleet.members[lots.between(0, fleet.members.length - 1, 'stopped', round)]!
}

function seats(): Promise<{ name: string; is_over: bigint }[]> {
  return fleet.query(`select name, cast(until_at < ${DATABASE_NOW_MS} as integer) as is_over
    from leases where name like 'chain/%' order by name`)
}

async function openHolds(): Promise<bigint> {
  const [row] = await fleet.query<{ n: bigint }>('select count(*) as n from ledger_holds')
  return row!.n
}

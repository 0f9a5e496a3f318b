/**
 * A gateway is stopped (`SIGSTOP`) in the middle of its work, for a moment or for longer than its
 * seat and its holds last. The others go on meanwhile and end its calls; when it wakes up it is kept
 * from what is no longer its own, and goes on, too.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { DATABASE_NOW_MS } from '#store'
import { isSilentTo } from './flaky-upstream.js'
import type { Fleet, Member } from './fleet.js'
import type { Purchase } from './market.js'

const NAP_MS = { least: 50, most: 1_500 }
/** How long there is load before a gateway is stopped for long, and after any was stopped. */
const LOAD_MS = 300
/** A transaction of a gateway that runs hardly ever waits so long for its next statement. */
const STILL_MS = 60
const ARRIVAL_TIMEOUT_MS = 30_000
const EXPIRY_TIMEOUT_MS = 60_000

/** All seats of gateways, and whether each can be taken over. */
export function seats(fleet: Fleet): Promise<{ name: string; is_over: bigint }[]> {
  return fleet.query(`select name, cast(until_at < ${DATABASE_NOW_MS} as integer) as is_over
    from leases where name like 'chain/%' order by name`)
}

/** Stops a gateway for a moment. */
export async function takeNap(fleet: Fleet): Promise<void> {
  const { lots, moments } = fleet
  const round = ++fleet.round
  const { gateway } = fleet.anyMember()
  await buyDuring(fleet, async (load) => {
    await new Promise<void>((resolve) => {
      moments.strike(round, () => resolve(void gateway.kill('SIGSTOP')))
    })
    await pause(lots.between(NAP_MS.least, NAP_MS.most, 'nap', round))
    gateway.kill('SIGCONT')
    await pause(LOAD_MS)
    load.end()
  })
}

/**
 * Stops a gateway until its calls were ended and another one has its seat. There must be no seat but
 * those of the members.
 */
export async function outsleepSeat(fleet: Fleet): Promise<void> {
  fleet.round++
  const sleeper = fleet.anyMember()
  let silent: Purchase | undefined
  let newcomer: Member | undefined
  await buyDuring(fleet, async (load) => {
    await pause(LOAD_MS)
    const stopped = await stopInTransaction(fleet, sleeper)
    silent = stopped.silent
    for (const { purchase } of [{ purchase: silent }, ...load.open]) purchase.isLost = true
    try {
      await pause(LOAD_MS)
      load.end()
      newcomer = await replace(fleet, sleeper)
    } finally {
      sleeper.gateway.kill('SIGCONT')
    }
    await stopped.answered
  })
  expect(silent?.answer).toMatchObject({ code: 'call_interrupted', outcome: 'refunded' })
  await fleet.sellFrom(sleeper, 'awake')
  expect(await seats(fleet)).toHaveLength(fleet.members.length)
  await fleet.expectPromisesKept()
  await fleet.leave(newcomer!)
}

/** The requests that are open at the moment, and how to let it end. */
type Load = { open: ReadonlySet<{ purchase: Purchase }>; end(): void }

/** Buys while something happens, and holds all that came of it to account. */
async function buyDuring(fleet: Fleet, happens: (load: Load) => Promise<void>): Promise<void> {
  const open = new Set<{ purchase: Purchase }>()
  let isOver = false
  const end = () => {
    isOver = true
  }
  const happening = happens({ open, end }).finally(end)
  const buying = fleet.buyUntil(
    () => isOver,
    async (purchase) => {
      const request = { purchase }
      open.add(request)
      expect(await fleet.send(purchase)).not.toBe('busy')
      open.delete(request)
    },
  )
  const [fresh] = await Promise.all([buying, happening])
  await fleet.sendAgain(fresh)
  await fleet.expectPromisesKept()
}

/** Stops a gateway that waits for an upstream, and has locked what the others need, too. */
async function stopInTransaction(fleet: Fleet, sleeper: Member) {
  const { gateway } = sleeper
  for (let n = 1; ; n++) {
    const silent = fleet.purchase(silentOrder(fleet, n))
    const answered = fleet.sendTo(sleeper, silent)
    const callOf = () => fleet.upstream.arrivals.get(silent.order)
    await expect.poll(callOf, { interval: 5, timeout: ARRIVAL_TIMEOUT_MS }).toBeDefined()
    gateway.kill('SIGSTOP')
    await pause(STILL_MS)
    const [callId] = callOf()!
    if ((await isOpen(fleet, callId!)) && (await isTransactionStanding(fleet)))
      return { silent, answered }
    gateway.kill('SIGCONT')
    await answered
  }
}

/** The one of this number among those that the seller never answers. */
function silentOrder({ lots, round }: Fleet, number: number): string {
  let left = number
  for (let n = 1; ; n++) {
    const order = `round-${round}-silent-${n}`
    if (isSilentTo(lots, order) && --left === 0) return order
  }
}

async function isOpen(fleet: Fleet, callId: string): Promise<boolean> {
  const sql = `select reference from ledger_holds where reference = '${callId}'`
  return (await fleet.query(sql)).length > 0
}

async function isTransactionStanding(fleet: Fleet): Promise<boolean> {
  const standing = await fleet.query(`select pid from pg_stat_activity
    where state = 'idle in transaction'
      and state_change < clock_timestamp() - interval '${STILL_MS / 2} ms'`)
  return standing.length > 0
}

/**
 * What the others do while a gateway does not move: they sell, and end its calls; and one that joins
 * them takes its seat.
 */
async function replace(fleet: Fleet, sleeper: Member): Promise<Member> {
  const others = fleet.members.filter((member) => member !== sleeper)
  for (const other of others) await fleet.sellFrom(other, 'meanwhile')
  const openHolds = () => fleet.query('select reference from ledger_holds')
  const expired = async () => (await seats(fleet)).filter(({ is_over }) => is_over === 1n)
  await expect.poll(openHolds, { timeout: EXPIRY_TIMEOUT_MS }).toEqual([])
  await expect.poll(expired, { timeout: EXPIRY_TIMEOUT_MS }).toHaveLength(1)
  const before = await seats(fleet)
  const newcomer = await fleet.join()
  await fleet.sellFrom(newcomer, 'new')
  expect((await seats(fleet)).map(({ name }) => name)).toEqual(before.map(({ name }) => name))
  return newcomer
}

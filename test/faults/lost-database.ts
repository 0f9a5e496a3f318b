/** The database crashes under load, and is there again a little later. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Fleet } from './fleet.js'

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
  '/v1/earnings',
  '/v1/usage',
  '/v1/statement',
  '/v1/keys',
  '/v1/listings',
  '/v1/endpoints?query=count',
  '/v1/endpoints/flaky.count',
]

/** The gateways go on by themselves: none is started again. */
export async function loseDatabase(fleet: Fleet): Promise<void> {
  const { lots, moments, server } = fleet
  const round = ++fleet.round
  let restarted: Promise<void> | undefined
  let isOver = false
  moments.strike(round, () => {
    restarted = restart().finally(() => {
      isOver = true
    })
    restarted.catch(() => {})
  })
  const fresh = await fleet.buyUntil(() => isOver, fleet.send)
  await restarted
  await fleet.sendAgain(fresh)
  await fleet.expectPromisesKept()
  for (const member of fleet.members) await fleet.sellFrom(member, 'afterwards')

  async function restart(): Promise<void> {
    await server.stopImmediately()
    let isAway = true
    const looks = lookAround(fleet, () => isAway)
    await pause(lots.between(OUTAGE_MS.least, OUTAGE_MS.most, 'outage', round))
    await server.start()
    isAway = false
    await looks
    await pause(AFTERWARDS_MS)
  }
}

/** Asks every gateway for all kinds of things again and again. */
async function lookAround({ members, market }: Fleet, isGoingOn: () => boolean): Promise<void> {
  const { key } = market.buyers[0]!
  const looks = members.flatMap(({ gateway: { url } }) =>
    ['/healthz', ...READS].map(async (path) => {
      while (isGoingOn()) {
        await expectServedOrBusy(url, path, key)
        await pause(LOOK_MS)
      }
    }),
  )
  await Promise.all(looks)
}

async function expectServedOrBusy(url: string, path: string, key: string): Promise<void> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })
  const text = await response.text()
  expect(path === '/healthz' ? [200] : [200, 503], `${path}: ${text}`).toContain(response.status)
  if (response.status === 200) return
  expect(JSON.parse(text)).toMatchObject({ code: 'busy' })
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
}

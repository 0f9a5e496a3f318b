/** One of several gateways is killed under load. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Fleet } from './fleet.js'

/** How long the others are bought from, at most, after one was killed. */
const LONGEST_ALONE_MS = 300

export async function loseGateway(fleet: Fleet): Promise<void> {
  const { lots, moments } = fleet
  const round = ++fleet.round
  const killed = fleet.anyMember()
  let isOver = false
  moments.strike(round, () => {
    killed.isDown = true
    killed.gateway.kill('SIGKILL')
    const alone = pause(lots.between(0, LONGEST_ALONE_MS, 'alone', round))
    void alone.then(() => {
      isOver = true
    })
  })
  const fresh = await fleet.buyUntil(
    () => isOver,
    async (purchase) => expect(await fleet.send(purchase)).not.toBe('busy'),
  )
  expect(await killed.gateway.ended).toMatchObject({ signal: 'SIGKILL' })
  expect(fresh.some(({ isLost }) => isLost)).toBe(true)

  // No call is running any more: all holds are those of the dead, and would end in ten seconds.
  await fleet.query('update ledger_holds set deadline = 0')
  await Promise.all([fleet.startAgain(killed), fleet.sendAgain(fresh)])
  await fleet.expectPromisesKept()
}

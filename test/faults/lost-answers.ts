/** Answers of the database are lost on the way to one gateway, those of commits among them. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Fleet } from './fleet.js'

/** Of a few, one at least meets a commit that has been sent and not answered. */
const CUTS = 4
/** Long enough for a commit that was sent to be made. */
const MUTE_MS = { least: 30, most: 100 }
/** How long the way is free after each cut. */
const FREE_MS = { least: 50, most: 250 }

/** Each time the gateway finds out what it has written, and goes on. */
export async function loseAnswers(fleet: Fleet): Promise<void> {
  const { lots, moments, wire } = fleet
  const round = ++fleet.round
  let isOver = false
  moments.strike(round, () => {
    void cutAgainAndAgain().finally(() => {
      isOver = true
    })
  })
  const fresh = await fleet.buyUntil(() => isOver, fleet.send)
  await fleet.sendAgain(fresh)
  await fleet.expectPromisesKept()

  async function cutAgainAndAgain(): Promise<void> {
    for (let cut = 1; cut <= CUTS; cut++) {
      await wire.cut(lots.between(MUTE_MS.least, MUTE_MS.most, 'mute', round, cut))
      await pause(lots.between(FREE_MS.least, FREE_MS.most, 'free', round, cut))
    }
  }
}

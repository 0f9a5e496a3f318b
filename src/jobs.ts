/** The timetable: what runs when. A round that fails is logged, and the next one tries again. */
import { purge, reap } from '#calls'
import type { Gateway } from './compose.js'

const SECOND_MS = 1_000

/** Starts the jobs; the function it gives back stops them and waits for the running round. */
export function startJobs({ deps }: Gateway): () => Promise<void> {
  const { catalogue, clock, telemetry } = deps
  const jobs = [
    every(2 * SECOND_MS, () => catalogue.flushStandings()),
    every(5 * SECOND_MS, () => reap(deps, clock.now())),
    every(60 * SECOND_MS, () => purge(deps)),
  ]
  return async () => {
    await Promise.all(jobs.map((stop) => stop()))
    await catalogue.flushStandings()
  }

  function every(intervalMs: number, work: () => Promise<unknown>): () => Promise<void> {
    let running: Promise<unknown> = Promise.resolve()
    let busy = false
    const timer = setInterval(() => {
      if (busy) return
      busy = true
      running = work()
        .catch((error: unknown) => telemetry.failed(error))
        .finally(() => {
          busy = false
        })
    }, intervalMs)
    timer.unref()
    return async () => {
      clearInterval(timer)
      await running
    }
  }
}

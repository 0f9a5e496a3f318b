/** The timetable: what runs when. A round that fails is logged, and the next one tries again. */
import { purge, reap } from '#calls'
import type { Gateway } from './compose.js'

const SECOND_MS = 1_000

/** Starts the jobs; the function it gives back stops them and waits for the running round. */
export function startJobs({ deps }: Gateway): () => Promise<void> {
  const { accounts, catalogue, leases, ledger, telemetry } = deps
  const jobs = [
    every(SECOND_MS, () => accounts.follow()),
    every(SECOND_MS, () => catalogue.follow()),
    every(2 * SECOND_MS, () => catalogue.flushStandings()),
    every(3 * SECOND_MS, () => ledger.tend()),
    every(5 * SECOND_MS, () => oneAtATime('reap', async () => reap(deps, await ledger.now()))),
    every(60 * SECOND_MS, () => oneAtATime('purge', () => purge(deps))),
  ]
  return async () => {
    await Promise.all(jobs.map((stop) => stop()))
    await catalogue.flushStandings()
    await leases.release()
  }

  /** Of gateways that share a database one does it, until it stops or dies. */
  async function oneAtATime(name: string, work: () => Promise<unknown>): Promise<void> {
    if (await leases.hold(name)) await work()
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

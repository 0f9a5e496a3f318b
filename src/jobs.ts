/** The timetable: what runs when. A round that fails is logged, and the next one tries again. */
import { purge, reap } from '#calls'
import type { Lease, Tx } from '#store'
import type { Gateway } from './compose.js'

const SECOND_MS = 1_000

/** Starts the jobs; the function it gives back stops them and waits for the running round. */
export function startJobs({ deps }: Gateway): () => Promise<void> {
  const { accounts, catalogue, leases, ledger, store, telemetry } = deps
  const jobs = [
    every(SECOND_MS, () => accounts.follow()),
    every(SECOND_MS, () => catalogue.follow()),
    every(2 * SECOND_MS, () => catalogue.flushStandings()),
    every(3 * SECOND_MS, () => ledger.tend()),
    alone('reap', 5 * SECOND_MS, async () => reap(deps, await ledger.now())),
    alone('purge', 60 * SECOND_MS, async (lease) => {
      const nowMs = await ledger.now()
      const fence = (tx: Tx) => leases.fence(tx, lease)
      await purge({ store, clock: { now: () => nowMs }, fence })
    }),
  ]
  return async () => {
    await Promise.all(jobs.map((stop) => stop()))
    await Promise.all([catalogue.flushStandings(), leases.release()])
  }

  /** Of gateways that share a database one does it, until it stops or misses a few rounds. */
  function alone(name: string, intervalMs: number, work: (lease: Lease) => Promise<unknown>) {
    return every(intervalMs, async () => {
      const lease = await leases.hold(name, 3 * intervalMs)
      if (lease) await work(lease)
    })
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

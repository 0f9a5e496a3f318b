/** The timetable: what runs when. A round that fails is logged, and the next one tries again. */
import { hasRoom, purge, reap } from '#calls'
import type { Lease, Tx } from '#store'
import type { Gateway } from './compose.js'

const SECOND_MS = 1_000
/** So long nobody takes over from a gateway that died at long work. */
const LONG_LEASE_MS = 15_000

/** Starts the jobs; the function it gives back stops them and waits for the running round. */
export function startJobs({ config, deps }: Gateway): () => Promise<void> {
  const { accounts, catalogue, leases, ledger, store, telemetry } = deps
  const jobs = [
    every(SECOND_MS, () => accounts.follow()),
    every(SECOND_MS, () => catalogue.follow()),
    ...(catalogue.push ? [aloneForLong('search', SECOND_MS, catalogue.push)] : []),
    every(2 * SECOND_MS, () => catalogue.flushStandings()),
    ...(config.probes ? [aloneForLong('health', 5 * SECOND_MS, lookAtHealth)] : []),
    alone('lessons', 10 * SECOND_MS, (lease) =>
      catalogue.workOutLessons((tx) => leases.fence(tx, lease)),
    ),
    every(3 * SECOND_MS, () => ledger.tend()),
    alone('reap', 5 * SECOND_MS, async () => reap(deps, await ledger.now())),
    alone('purge', 60 * SECOND_MS, async (lease) => {
      const nowMs = await ledger.now()
      const fence = (tx: Tx) => leases.fence(tx, lease)
      await purge({ store, clock: { now: () => nowMs }, fence })
      await catalogue.forgetOldLessons(fence)
    }),
  ]
  return async () => {
    await Promise.all(jobs.map((stop) => stop()))
    await Promise.all([catalogue.flushStandings(), leases.release()])
  }

  function lookAtHealth(signal: AbortSignal): Promise<void> {
    const ofListing = (listing: Parameters<typeof hasRoom>[1]) => hasRoom(deps, listing)
    return catalogue.lookAtHealth({ hasRoom: ofListing, report: telemetry, signal })
  }

  /** Of gateways that share a database one does it, until it stops or misses a few rounds. */
  function alone(name: string, intervalMs: number, work: (lease: Lease) => Promise<unknown>) {
    return every(intervalMs, async () => {
      const lease = await leases.hold(name, 3 * intervalMs)
      if (lease) await work(lease)
    })
  }

  /**
   * Like {@link alone}, for work that may take longer than a lease lives: the lease is renewed
   * meanwhile, and the work is told to end when it is lost, or at the stop.
   */
  function aloneForLong(
    name: string,
    intervalMs: number,
    work: (signal: AbortSignal) => Promise<unknown>,
  ): () => Promise<void> {
    const stopping = new AbortController()
    const stop = every(intervalMs, async () => {
      if (stopping.signal.aborted || !(await leases.hold(name, LONG_LEASE_MS))) return
      const losing = new AbortController()
      const lose = () => losing.abort()
      const renewal = setInterval(() => {
        leases.hold(name, LONG_LEASE_MS).then((lease) => lease ?? lose(), lose)
      }, LONG_LEASE_MS / 3)
      try {
        await work(AbortSignal.any([stopping.signal, losing.signal]))
      } finally {
        clearInterval(renewal)
      }
    })
    return () => {
      stopping.abort()
      return stop()
    }
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

/** Rounds of work: at intervals, alone among the gateways of a database, for as long as it takes. */
import type { Lease, Leases } from '#store'
import type { Telemetry } from '#telemetry'

/** So long nobody takes over from a gateway that died at long work. */
const LONG_LEASE_MS = 15_000

type Deps = { leases: Leases; telemetry: Pick<Telemetry, 'failed'> }

/** What ends rounds, and waits for the one that is on. */
export type Stop = () => Promise<void>

export function createRounds({ leases, telemetry }: Deps) {
  return { every, alone, aloneForLong }

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
  ): Stop {
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

  function every(intervalMs: number, work: () => Promise<unknown>): Stop {
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

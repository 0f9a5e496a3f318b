/** Start, wait for a signal, drain in reverse order. */
import { reap } from '#calls'
import { compose, type Gateway } from './compose.js'
import type { Config } from './config.js'
import { type OpenedDoors, openDoors } from './first-start.js'
import { startJobs } from './jobs.js'

/** What is left of a drain after the upstreams' time and the holds' margin. */
const DRAIN_MARGIN_MS = 10_000

export type Started = {
  gateway: Gateway
  doors: OpenedDoors
  /** Takes no more calls, lets running ones finish, then closes everything. */
  drain(): Promise<void>
}

/** @param say told what is happening, for a person who waits. */
export async function start(
  config: Config,
  say: (line: string) => void = () => {},
): Promise<Started> {
  const gateway = await compose(config)
  const { deps, server } = gateway
  // This process alone owns its database file, so every open hold is a dead predecessor's.
  const interrupted = await reap(deps, Number.POSITIVE_INFINITY)
  if (interrupted > 0) say(`Released ${interrupted} calls that the last stop interrupted.`)
  const doors = await openDoors(gateway, say)
  const stopJobs = startJobs(gateway)
  await gateway.listen()

  let draining: Promise<void> | undefined
  return {
    gateway,
    doors,
    drain: () => {
      draining ??= drain()
      return draining
    },
  }

  async function drain(): Promise<void> {
    const drained = deps.slots.drain()
    await Promise.race([drained, deadline(config.upstreamTimeMs + DRAIN_MARGIN_MS)])
    await stopJobs()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    await Promise.race([closed, deadline(1_000)])
    server.closeAllConnections()
    await doors.close()
    await gateway.close()
    deps.telemetry.log.flush()
  }
}

/** Runs until the first SIGTERM or SIGINT, then drains and ends. */
export async function runUntilSignal({ drain }: Started): Promise<void> {
  await new Promise<void>((resolve) => {
    // Kept after the first signal: a repeated one must not cut the drain short.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve())
  })
  await drain()
}

function deadline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

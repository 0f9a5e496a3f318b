/** Start, wait for a signal, drain in reverse order. */
import { mkdirSync } from 'node:fs'
import { reap } from '#calls'
import { Problem } from '#core/problem'
import { compose, type Gateway } from './compose.js'
import { type Config, ConfigFault } from './config.js'
import { type OpenedDoors, openDoors } from './first-start.js'
import { lockFolder } from './folder-lock.js'
import { startJobs } from './jobs.js'

/** What is left of a drain after the upstreams' time and the holds' margin. */
const DRAIN_MARGIN_MS = 10_000
const CLOSING_MS = 1_000
/** For each thing that is closed. */
const STEP_MS = 10_000

export type Started = {
  gateway: Gateway
  doors: OpenedDoors
  /** Takes no more calls, lets running ones finish, then closes everything. */
  drain(): Promise<void>
}

type Starting = {
  /** Told what is happening, for a person who waits. */
  say?(line: string): void
  /** Runs when there is an operator, before anybody is served. */
  prepare?(gateway: Gateway): Promise<void>
}

export async function start(
  config: Config,
  { say = () => {}, prepare }: Starting = {},
): Promise<Started> {
  const open: (() => Promise<unknown>)[] = []
  // A step that fails, or hangs on a database that is gone, must not keep the others from being made.
  const closeAll = async () => {
    for (const close of open.splice(0).reverse()) {
      const closed = close().catch((error: Error) => say(`While stopping: ${error.message}`))
      await Promise.race([closed, deadline(STEP_MS)])
    }
  }
  try {
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
    const unlock = lockFolder(config.dataDir)
    open.push(async () => unlock())
    const gateway = await compose(config)
    open.push(gateway.close)
    const { deps, isSole } = gateway
    // Where this process alone has the database, every open hold is a dead predecessor's.
    const deadlineMs = isSole ? Number.POSITIVE_INFINITY : await deps.ledger.now()
    const interrupted = await reap(deps, deadlineMs)
    if (interrupted > 0) say(`Released ${interrupted} calls that the last stop interrupted.`)
    const doors = await openDoors(gateway, say)
    open.push(doors.close)
    await putFileTools(gateway)
    await prepare?.(gateway)
    await deps.servers.start(gateway.config.mcp.servers)
    await gateway.listen()
    open.push(() => stopListening(gateway))
    open.push(startJobs(gateway))
    let draining: Promise<void> | undefined
    const drain = () => {
      draining ??= takeNoMoreCalls(gateway).then(closeAll)
      return draining
    }
    return { gateway, doors, drain }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Gateways on one database have the same tools in their files: each start makes them what is sold. */
async function putFileTools({ config, deps }: Gateway): Promise<void> {
  const operator = await deps.accounts.bySlug('operator')
  await deps.tools.putFileTools(operator!, config.tools).catch((error) => {
    throw error instanceof Problem ? new ConfigFault([`tools: ${error.message}`]) : error
  })
}

/** Refuses new calls and waits for running ones, but not for longer than any of them may take. */
async function takeNoMoreCalls({ config, deps }: Gateway): Promise<void> {
  await Promise.race([deps.slots.drain(), deadline(config.upstreamTimeMs + DRAIN_MARGIN_MS)])
}

/** Ends all connections; answers that are on their way get a moment to leave. */
async function stopListening({ server, deps }: Gateway): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  await Promise.race([closed, deadline(CLOSING_MS)])
  server.closeAllConnections()
  deps.telemetry.log.flush()
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

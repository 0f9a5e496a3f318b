/** The timetable: what runs when. A round that fails is logged, and the next one tries again. */
import { hasRoom, purge, reap } from '#calls'
import { giveOwedCredit } from '#payments'
import type { Lease, Tx } from '#store'
import type { Gateway } from './compose.js'
import { createRounds, type Stop } from './rounds.js'

const SECOND_MS = 1_000

/** Starts the jobs; the function it gives back stops them and waits for the running round. */
export function startJobs({ config, deps }: Gateway): Stop {
  const { accounts, audit, catalogue, gateways, leases, ledger, servers, telemetry, tools } = deps
  const { every, alone, aloneForLong } = createRounds(deps)
  const jobs = [
    ...[accounts, catalogue, gateways, servers, tools].map((part) =>
      every(SECOND_MS, () => part.follow()),
    ),
    aloneForLong('mcp-servers', 30 * SECOND_MS, () => servers.discoverDue()),
    ...(catalogue.push ? [aloneForLong('search', SECOND_MS, catalogue.push)] : []),
    every(2 * SECOND_MS, () => catalogue.flushStandings()),
    ...(config.probes ? [aloneForLong('health', 5 * SECOND_MS, lookAtHealth)] : []),
    alone('lessons', 10 * SECOND_MS, (lease) =>
      catalogue.workOutLessons((tx) => leases.fence(tx, lease)),
    ),
    every(3 * SECOND_MS, () => ledger.tend()),
    alone('reap', 5 * SECOND_MS, async () => reap(deps, await ledger.now())),
    alone('credit', 60 * SECOND_MS, () => giveOwedCredit(deps)),
    alone('audit', 60 * SECOND_MS, () => audit.takeInAll()),
    alone('purge', 60 * SECOND_MS, forgetOld),
  ]
  return async () => {
    await Promise.all(jobs.map((stop) => stop()))
    await Promise.all([catalogue.flushStandings(), leases.release()])
  }

  function lookAtHealth(signal: AbortSignal): Promise<void> {
    const ofListing = (listing: Parameters<typeof hasRoom>[1]) => hasRoom(deps, listing)
    return catalogue.lookAtHealth({ hasRoom: ofListing, report: telemetry, signal })
  }

  async function forgetOld(lease: Lease): Promise<void> {
    const nowMs = await ledger.now()
    const fence = (tx: Tx) => leases.fence(tx, lease)
    await purge({ store: deps.store, clock: { now: () => nowMs }, fence })
    await catalogue.forgetOldLessons(fence)
    await deps.approvals.purge(fence)
    await deps.people.purge()
    await deps.oauth.purge()
  }
}

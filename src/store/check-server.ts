/** An audit of what gateways need of the PostgreSQL server that they share: its version, and leases. */
import { toRfc3339 } from '#core/clock'
import { type Checked, collectFindings } from '#core/findings'
import { DATABASE_NOW_MS } from './leases.js'
import type { Reader } from './reader.js'

const OLDEST_VERSION = 13
/** Leases last some seconds. One that ends later than this was made when the clock was wrong. */
const MUCH_LATER_MS = 60_000

type Lease = { name: string; until_at: bigint }

/** A seat that nobody has is no fault: who starts next takes it. */
export async function checkServer({ all }: Reader): Promise<Checked> {
  const findings = collectFindings()
  const [server] = await all<{ version: string; now: bigint }>(
    `select current_setting('server_version') as version, ${DATABASE_NOW_MS} as now`,
  )
  const { version, now } = server!
  const fault = versionFault(version)
  if (fault !== undefined) findings.add(fault, 'bring the server up to a later version')
  const leases = await all<Lease>('select name, until_at from leases order by name')
  for (const { name, until_at } of leases) {
    if (until_at <= now + BigInt(MUCH_LATER_MS)) continue
    findings.add(
      `the lease ${name} lasts until ${toRfc3339(Number(until_at))}, by a clock that went wrong`,
      'set the clock of the server right, stop the gateways and delete this row of leases',
    )
  }
  const seats = leases.filter(({ name }) => name.startsWith('chain/'))
  const taken = seats.filter(({ until_at }) => until_at > now).length
  const checked = `PostgreSQL ${version}, ${taken} gateways running, ${seats.length - taken} free seats`
  return { checked, first: findings.first, count: findings.count }
}

/** @param version as the server says it, `17.2 (Debian 17.2-1)`. */
export function versionFault(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= OLDEST_VERSION) return undefined
  return `PostgreSQL ${version} is older than ${OLDEST_VERSION}, the oldest that works`
}

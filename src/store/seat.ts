/**
 * A gateway's seat: the lease under which it writes money, and the name of its receipt chains. There
 * are as many seats as there were ever gateways at once; who starts takes a free one.
 */
import { randomBytes } from 'node:crypto'
import { DATABASE_NOW_MS } from './leases.js'
import type { Pipeline } from './pipeline.js'

export type Seat = { name: string; epoch: bigint }

/** How long a seat lasts that writes nothing; the gateway that has it renews it long before. */
export const SEAT_LIFE_MS = 10_000

const SEAT_ENDS_AT = `${DATABASE_NOW_MS} + ${SEAT_LIFE_MS}`

export async function takeSeat(pipeline: Pipeline): Promise<Seat> {
  const holder = randomBytes(8).toString('hex')
  const [free] = await pipeline.run<Seat>(
    `update leases as l set epoch = l.epoch + 1, holder = $1, until_at = ${SEAT_ENDS_AT},
       previous_mark = l.mark, mark = 0
     from (select name from leases where name like 'chain/%' and until_at < ${DATABASE_NOW_MS}
       order by name limit 1 for update skip locked) as free
     where l.name = free.name returning l.name, l.epoch`,
    [holder],
  )
  if (free) return free
  const [made] = await pipeline.run<Seat>(
    `insert into leases (name, holder, epoch, until_at) values ($1, $2, 1, ${SEAT_ENDS_AT})
     returning name, epoch`,
    [`chain/${randomBytes(8).toString('hex')}`, holder],
  )
  return made!
}

/** Which receipt chains are written from a seat. */
export function chainOf(seat: Seat): string {
  return seat.name.slice('chain/'.length)
}

/**
 * The statement that each transaction of a seat begins with, of its name, its epoch and a number that
 * tells the transaction from the seat's last one. It answers the time; nothing when the seat is
 * another gateway's by now.
 */
export const KEEP_SEAT = `update leases set mark = $3, until_at = ${SEAT_ENDS_AT}
  where name = $1 and epoch = $2 returning ${DATABASE_NOW_MS} as now`

/**
 * Whether the transaction with this mark was committed; `undefined` when nobody can know any more. One
 * that is still on its way has the row locked, and is waited for.
 */
export async function wasCommitted(
  pipeline: Pipeline,
  seat: Seat,
  mark: bigint,
): Promise<boolean | undefined> {
  const [row] = await pipeline.run<{ epoch: bigint; mark: bigint; previous_mark: bigint | null }>(
    'select epoch, mark, previous_mark from leases where name = $1 for share',
    [seat.name],
  )
  if (row?.epoch === seat.epoch) return row.mark === mark
  if (row?.epoch === seat.epoch + 1n) return row.previous_mark === mark
  return undefined
}

/** Lets the next gateway that starts have the seat. */
export async function leaveSeat(pipeline: Pipeline, seat: Seat): Promise<void> {
  await pipeline.run('update leases set until_at = 0 where name = $1 and epoch = $2', [
    seat.name,
    seat.epoch,
  ])
}

/**
 * Leases: what only one of several gateways does at a time. A lease runs out when its gateway dies;
 * each time it changes hands its epoch grows, so that a gateway which slept past its end and does not
 * know it yet is refused: that is the fence. All times are the database's.
 */
import { randomBytes } from 'node:crypto'
import type { Store, Tx } from './store.js'

export const DATABASE_NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::bigint'

export type Lease = { name: string; epoch: bigint }

export type Leases = {
  /**
   * Takes the lease for `lifeMs` from now, or renews it; `undefined` while another gateway has it.
   */
  hold(name: string, lifeMs: number): Promise<Lease | undefined>
  /**
   * Makes sure that the lease is still ours, until the transaction ends.
   *
   * @throws Error when it is another gateway's by now.
   */
  fence(tx: Tx, lease: Lease): Promise<void>
  /** Lets others have at once what this gateway held. */
  release(): Promise<void>
}

/** Of a gateway that has its database to itself. */
export function soleLeases(): Leases {
  return {
    hold: async (name) => ({ name, epoch: 1n }),
    fence: async () => {},
    release: async () => {},
  }
}

export function postgresLeases({ store }: { store: Store }): Leases {
  const holder = randomBytes(8).toString('hex')
  return {
    async hold(name, lifeMs) {
      const [row] = await store.query<{ epoch: bigint }>(
        `insert into leases as l (name, holder, epoch, until_at)
         values (?, ?, 1, ${DATABASE_NOW_MS} + ?::bigint)
         on conflict (name) do update set holder = excluded.holder, until_at = excluded.until_at,
           epoch = case when l.holder = excluded.holder then l.epoch else l.epoch + 1 end
         where l.holder = excluded.holder or l.until_at < ${DATABASE_NOW_MS}
         returning epoch`,
        [name, holder, lifeMs],
      )
      return row && { name, epoch: row.epoch }
    },
    async fence(tx, { name, epoch }) {
      const row = await tx('leases').where({ name, holder, epoch }).forShare().first('name')
      if (!row) throw new Error(`the lease "${name}" is another gateway's`)
    },
    async release() {
      await store.db('leases').where({ holder }).update({ until_at: 0 })
    },
  }
}

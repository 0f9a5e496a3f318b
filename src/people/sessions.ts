/** Browser sessions: a random token that only its cookie has, kept as SHA-256. */
import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '#core/clock'
import type { Store, Tx } from '#store'
import { type Person, type PersonRow, toPerson } from './rows.js'

/** However busy somebody is, they sign in again after this. */
const LIFE_MS = 12 * 60 * 60_000
const IDLE_MS = 2 * 60 * 60_000
/** A session is marked as seen no more often than this. */
const SEEN_EVERY_MS = 60_000

export type Sessions = {
  /** The token of a new session, for a cookie. */
  start(personId: string): Promise<string>
  /** Whose session it is, while it is good. */
  personOf(token: string | undefined): Promise<Person | undefined>
  end(token: string): Promise<void>
  /** Ends all sessions of a person but the one of `keep`, in the transaction of what ends them. */
  endOthers(tx: Tx, personId: string, keep?: string): Promise<void>
  /** Deletes what is over. */
  purge(): Promise<void>
}

type SessionRow = Omit<PersonRow, 'password'> & { session_created_at: bigint; seen_at: bigint }

export function createSessions({ store, clock }: { store: Store; clock: Clock }): Sessions {
  return {
    async start(personId) {
      const token = randomBytes(32).toString('base64url')
      const now = clock.now()
      const row = { hash: hashOf(token), person_id: personId, created_at: now, seen_at: now }
      await store.db('browser_sessions').insert(row)
      return token
    },
    async personOf(token) {
      if (token === undefined) return undefined
      const now = clock.now()
      const [row] = await store.query<SessionRow>(
        `select p.id, p.account_id, p.email, p.wallet_address,
           s.created_at as session_created_at, s.seen_at
         from browser_sessions s join people p on p.id = s.person_id where s.hash = ?`,
        [hashOf(token)],
      )
      if (!row) return undefined
      const seenAtMs = Number(row.seen_at)
      if (now - Number(row.session_created_at) >= LIFE_MS || now - seenAtMs >= IDLE_MS) {
        return undefined
      }
      if (now - seenAtMs >= SEEN_EVERY_MS) {
        await store
          .db('browser_sessions')
          .where({ hash: hashOf(token) })
          .update({ seen_at: now })
      }
      return toPerson(row)
    },
    async end(token) {
      await store
        .db('browser_sessions')
        .where({ hash: hashOf(token) })
        .delete()
    },
    async endOthers(tx, personId, keep) {
      await tx('browser_sessions')
        .where({ person_id: personId })
        .whereNot({ hash: keep === undefined ? '' : hashOf(keep) })
        .delete()
    },
    async purge() {
      const now = clock.now()
      await store
        .db('browser_sessions')
        .where('created_at', '<', now - LIFE_MS)
        .orWhere('seen_at', '<', now - IDLE_MS)
        .delete()
    },
  }
}

function hashOf(token: string): string {
  return hash('sha256', token)
}

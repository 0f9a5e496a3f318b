/**
 * The secrets that sign what handlers are sent. A rotation makes a new one; the one before signs
 * beside it for a day, so that handlers can take the new one over in their own time.
 */
import type { Along } from '#accounts'
import type { Clock } from '#core/clock'
import { int, nextRevision, type Store } from '#store'
import { keptByAccount } from './by-account.js'
import { type HandlerCall, signatureHeaders, signingSecret } from './handler-signature.js'
import { TOOLS } from './tool-names.js'

const GRACE_MS = 24 * 60 * 60 * 1_000
/** Secrets that sign at once, however often they were rotated within a day. */
const MAX_AT_ONCE = 4

/** A secret after the first, and since when it is. */
type Rotation = { generation: number; sinceMs: number }

export type SigningSecret = {
  secret: string
  /** Until when the one before signs beside it; `null` where none does. */
  formerUntilMs: number | null
}

type Deps = { store: Store; clock: Clock; key: Buffer }

export type SigningSecrets = ReturnType<typeof createSigningSecrets>

export function createSigningSecrets({ store, clock, key }: Deps) {
  /** The latest rotations, the latest first. */
  const rotations = keptByAccount((accountId) => readRotations(store, accountId))

  async function current(accountId: string): Promise<SigningSecret> {
    const [latest] = await rotations.of(accountId)
    const untilMs = latest ? latest.sinceMs + GRACE_MS : 0
    return {
      secret: signingSecret(key, accountId, latest?.generation),
      formerUntilMs: untilMs > clock.now() ? untilMs : null,
    }
  }

  return {
    current,
    /** Signs with a new secret from now on, and for a day with the one before, too. */
    async rotate(accountId: string, along?: Along): Promise<SigningSecret> {
      await store.inTransaction(async (tx) => {
        await nextRevision(tx, TOOLS)
        const where = { account_id: accountId }
        const row = await tx('signing_secrets').where(where).max({ last: 'generation' }).first()
        const generation = int(row?.last ?? 0) + 1
        await tx('signing_secrets').insert({ ...where, generation, since: clock.now() })
        const oldest = generation - MAX_AT_ONCE + 1
        await tx('signing_secrets').where(where).where('generation', '<', oldest).delete()
        await along?.(tx, accountId)
      })
      rotations.forget()
      return current(accountId)
    },
    /** The headers by which a handler of this account knows who calls. */
    async sign(accountId: string, call: Omit<HandlerCall, 'atMs'>) {
      const atMs = clock.now()
      const generations = signingAt(await rotations.of(accountId), atMs)
      const secrets = generations.map((generation) => signingSecret(key, accountId, generation))
      return signatureHeaders(secrets, { ...call, atMs })
    },
    forget: rotations.forget,
  }
}

async function readRotations({ db }: Store, accountId: string): Promise<Rotation[]> {
  const rows = await db('signing_secrets')
    .where({ account_id: accountId })
    .orderBy('generation', 'desc')
    .limit(MAX_AT_ONCE)
  return rows.map((row) => ({ generation: int(row.generation), sinceMs: int(row.since) }))
}

/** The generations whose secrets sign, the latest first: each one until a day after the next. */
function signingAt(rotations: readonly Rotation[], nowMs: number): number[] {
  const within = rotations.filter(({ sinceMs }) => sinceMs + GRACE_MS > nowMs)
  const latest = rotations[0]?.generation ?? 0
  return [latest, ...within.map(({ generation }) => generation - 1)].slice(0, MAX_AT_ONCE)
}

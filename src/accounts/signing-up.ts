/**
 * Signing up: how people get an account without the operator opening it, where the operator lets
 * them. A code invites one of them once.
 */
import type { Clock } from '#core/clock'
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { randomBuffer } from '#core/random'
import { intOrNull, type Store, type Tx } from '#store'
import { type Account, type Along, SCOPES } from './accounts.js'
import { hashSecret, type KeyEnvironment } from './api-key.js'
import { openAccount } from './opening.js'
import { createPace } from './pace.js'

export const SIGN_UP_MODES = ['off', 'invite', 'open'] as const
export type SignUpMode = (typeof SIGN_UP_MODES)[number]

export const INVITE_CODE = /^inv_[0-9a-f]{40}$/

const HOUR_MS = 60 * 60 * 1_000
const MAX_OWED = 100
const PACE = { perAddress: 20, overall: 500, spanMs: HOUR_MS }

export type SignUp = {
  name: string
  slug?: string | undefined
  invite?: string | undefined
  /** Must be that of the invitation, where it names one. */
  email?: string | undefined
  /** The network address of who asks; they may only try so often. */
  address: string
}

export type Invite = { id: Id<'invite'>; email: string | null; expiresAtMs: number | null }

export type SignUps = {
  mode: SignUpMode
  /**
   * Opens an account for a stranger, with a first key that has all scopes.
   *
   * @param along may make more in the same transaction, such as the person whose account it is.
   * @returns the invitation that it used up, with the credit that it promised, decimal USDC.
   * @throws Problem `forbidden` where signing up is off or the invitation opens nothing,
   *   `slug_taken`, `rate_limited`.
   */
  signUp(
    input: SignUp,
    along?: Along,
  ): Promise<{
    account: Account
    secret: string
    invite: { id: string; credit: string | null } | null
  }>
  /** Invitations that were used and whose credit, decimal USDC, was not given yet; at most 100. */
  owed(): Promise<{ id: string; accountId: string; credit: string }[]>
  /** The credit of an invitation was given. */
  settle(id: string): Promise<void>
  /** Makes a code that lets one person sign up, once. It is shown only here. */
  invite(
    terms: {
      email?: string | undefined
      expiresAtMs?: number | undefined
      credit?: string | undefined
    },
    along?: Along,
  ): Promise<{ id: Id<'invite'>; code: string }>
}

type Deps = { store: Store; clock: Clock; keyEnvironment: KeyEnvironment; mode: SignUpMode }

export function createSignUps(deps: Deps): SignUps {
  const { store, clock, mode } = deps
  const keepPace = createPace(clock, PACE)
  return {
    mode,
    async signUp({ address, ...input }, along) {
      if (mode === 'off') {
        throw new Problem('forbidden', 'This gateway opens no accounts by itself.', {
          action: 'Ask its operator for an account.',
        })
      }
      keepPace(address)
      if (mode === 'invite' && input.invite === undefined) throw notInvited()
      return store.inTransaction(async (tx) => {
        const nowMs = clock.now()
        const { name, slug } = input
        const opened = await openAccount(tx, { name, slug }, { scopes: SCOPES }, { ...deps, nowMs })
        const used = { ...input, accountId: opened.account.id, nowMs }
        const invite = input.invite === undefined ? null : await useInvite(tx, used)
        await along?.(tx, opened.account.id)
        return { ...opened, invite }
      })
    },
    async owed() {
      const rows = await store
        .db('invites')
        .whereNotNull('used_at')
        .whereNotNull('credit')
        .whereNull('credited_at')
        .orderBy('id')
        .limit(MAX_OWED)
        .select('id', 'account_id', 'credit')
      return rows.map(({ id, account_id, credit }) => ({ id, accountId: account_id, credit }))
    },
    async settle(id) {
      await store.db('invites').where({ id }).update({ credited_at: clock.now() })
    },
    async invite({ email, expiresAtMs, credit }, along) {
      const nowMs = clock.now()
      const id = newId('invite', nowMs)
      const code = `inv_${randomBuffer(20).toString('hex')}`
      await store.inTransaction(async (tx) => {
        await tx('invites').insert({
          id,
          hash: hashSecret(code),
          email: email ?? null,
          credit: credit ?? null,
          expires_at: expiresAtMs ?? null,
          created_at: nowMs,
        })
        await along?.(tx, id)
      })
      return { id, code }
    },
  }
}

/** Takes an invitation for an account: of all who try, one gets it. */
async function useInvite(
  tx: Tx,
  used: {
    invite?: string | undefined
    email?: string | undefined
    accountId: string
    nowMs: number
  },
): Promise<{ id: string; credit: string | null }> {
  const { invite = '', email, accountId, nowMs } = used
  const [row] = await tx('invites')
    .where({ hash: hashSecret(invite), used_at: null })
    .update({ used_at: nowMs, account_id: accountId })
    .returning(['id', 'email', 'credit', 'expires_at'])
  if (!row) throw notInvited()
  const expiresAtMs = intOrNull(row.expires_at)
  const isOver = expiresAtMs !== null && expiresAtMs <= nowMs
  const isOthers = row.email !== null && row.email.toLowerCase() !== email?.trim().toLowerCase()
  if (isOver || isOthers) throw notInvited()
  return { id: row.id, credit: row.credit }
}

/** The same for a code that was never made, was used, is over or is somebody else's. */
function notInvited(): Problem {
  return new Problem('forbidden', 'Signing up here takes an invitation that is still open.', {
    action: 'Ask the operator of this gateway for an invite code.',
  })
}

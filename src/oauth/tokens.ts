/** Access tokens as the rest of the gateway sees them: whose key they stand for, where, how long. */
import type { Scope } from '#accounts'
import type { Clock } from '#core/clock'
import type { Id } from '#core/ids'
import type { Store } from '#store'
import { hashOf, readPayload, type Sealer } from './payloads.js'

export type AccessToken = {
  keyId: Id<'key'>
  /** The only resource that it opens. */
  audience: string
  scopes: readonly Scope[]
  expiresAtMs: number
}

export type AccessTokens = { find(secret: string): Promise<AccessToken | undefined> }

/** What the library makes: 256 random bits in base64url. */
const FORM = /^[\w-]{43}$/

/** Apart from the authorization server, which needs the accounts that need this. */
export function createAccessTokens(deps: {
  store: Store
  clock: Clock
  sealer: Sealer
}): AccessTokens {
  return {
    async find(secret) {
      if (!FORM.test(secret)) return undefined
      const payload = await readPayload(deps, 'AccessToken', { hash: hashOf(secret) })
      const { grantId, aud, scope, exp } = payload ?? {}
      if (grantId === undefined || typeof aud !== 'string' || exp === undefined) return undefined
      const [grant] = await deps.store.query<{ key_id: string }>(
        'select key_id from oauth_grants where grant_hash = ?',
        [hashOf(grantId)],
      )
      return (
        grant && {
          keyId: grant.key_id as Id<'key'>,
          audience: aud,
          scopes: (scope ?? '').split(' ') as Scope[],
          expiresAtMs: exp * 1000,
        }
      )
    },
  }
}

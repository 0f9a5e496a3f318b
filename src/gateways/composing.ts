/** Gateways as their accounts make and change them. */
import type { Along, Principal } from '#accounts'
import type { Clock } from '#core/clock'
import { isId, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, int, isUniqueViolation, nextRevision, type Store, type Tx } from '#store'
import type { Gateway, GatewayInput, GatewayPatch } from './gateway.js'
import { gatewayRows, toGateway } from './gateway-rows.js'
import { type CheckDeps, checkConfiguration } from './resolve.js'

/** Gateways of one account. */
const MAX_GATEWAYS = 100

/** Counts the changes of gateways. */
export const GATEWAYS = 'gateways_revision'

type Deps = CheckDeps & { store: Store; clock: Clock }

/** @param onChange what is known of gateways on this process holds no longer. */
export function createComposing(deps: Deps, onChange: () => void) {
  const { store, clock } = deps
  return {
    /** @throws Problem `slug_taken`, `endpoint_not_found`, `not_found`, `forbidden`, also where there are too many. */
    async create(principal: Principal, input: GatewayInput, along?: Along): Promise<Gateway> {
      await checkConfiguration(deps, principal, input.configuration)
      const { id: account_id } = principal.account
      const now = clock.now()
      const row = {
        ...{ id: newId('gateway', now), account_id, name: input.name, endpoint: input.endpoint },
        ...{ configuration: JSON.stringify(input.configuration), created_at: now, updated_at: now },
      }
      const write = async (tx: Tx) => {
        await refuseTooMany(tx, account_id)
        await insert(tx, row)
      }
      await change(row.id, write, along)
      return own(principal, row.id)
    },
    async list({ account }: Principal): Promise<Gateway[]> {
      const rows = await gatewayRows(store.db)
        .where({ 'gateways.account_id': account.id })
        .orderBy('gateways.id')
      return rows.map(toGateway)
    },
    /** @throws Problem `gateway_not_found`, also for a gateway of another account. */
    get: (principal: Principal, id: string) => own(principal, id),
    async change(
      principal: Principal,
      id: string,
      patch: GatewayPatch,
      along?: Along,
    ): Promise<Gateway> {
      await own(principal, id)
      const { name, configuration } = patch
      if (configuration) await checkConfiguration(deps, principal, configuration)
      const columns = {
        ...(name !== undefined && { name }),
        ...(configuration && { configuration: JSON.stringify(configuration) }),
      }
      const write = async (tx: Tx) => {
        const { updatedAtMs } = await own(principal, id, tx)
        // Two changes in one moment are two editions.
        const updated_at = Math.max(clock.now(), updatedAtMs + 1)
        await tx('gateways')
          .where({ id })
          .update({ ...columns, updated_at })
      }
      await change(id, write, along)
      return own(principal, id)
    },
    async remove(principal: Principal, id: string, along?: Along): Promise<void> {
      await own(principal, id)
      await change(id, (tx) => tx('gateways').where({ id }).delete(), along)
    },
  }

  async function own({ account }: Principal, id: string, db: Db = store.db): Promise<Gateway> {
    const where = { 'gateways.id': id, 'gateways.account_id': account.id }
    const row = isId('gateway', id) ? await gatewayRows(db).where(where).first() : undefined
    if (row) return toGateway(row)
    throw new Problem('gateway_not_found', 'There is no such gateway of this account.')
  }

  /** @param along what else is written with it. */
  async function change(
    id: string,
    write: (tx: Tx) => PromiseLike<unknown>,
    along?: Along,
  ): Promise<void> {
    await store.inTransaction(async (tx) => {
      await nextRevision(tx, GATEWAYS)
      await write(tx)
      await along?.(tx, id)
    })
    onChange()
  }
}

/** Exact also for many at once: a change waits for the one before, see {@link nextRevision}. */
async function refuseTooMany(tx: Tx, accountId: string): Promise<void> {
  const [row] = await tx('gateways').where({ account_id: accountId }).count({ count: '*' })
  if (int(row!.count) < MAX_GATEWAYS) return
  throw new Problem('forbidden', `An account has at most ${MAX_GATEWAYS} gateways.`, {
    action: 'Change or remove a gateway that there is.',
  })
}

async function insert(tx: Tx, row: Record<string, unknown>): Promise<void> {
  try {
    await tx('gateways').insert(row)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Problem('slug_taken', `This account has a gateway at "${row.endpoint}" already.`)
  }
}

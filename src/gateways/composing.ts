/** Gateways as their accounts make and change them. */
import type { Along, Principal } from '#accounts'
import type { Catalogue } from '#catalogue'
import type { Clock } from '#core/clock'
import { isId, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { isUniqueViolation, nextRevision, type Store, type Tx } from '#store'
import type { Gateway, GatewayInput, GatewayPatch } from './gateway.js'
import { gatewayRows, toGateway } from './gateway-rows.js'
import { checkConfiguration, type ToolSources } from './resolve.js'

/** Counts the changes of gateways. */
export const GATEWAYS = 'gateways_revision'

type Deps = {
  store: Store
  clock: Clock
  catalogue: Pick<Catalogue, 'find' | 'activeEndpoints'>
  tools: ToolSources
}

/** @param onChange what is known of gateways on this process holds no longer. */
export function createComposing(deps: Deps, onChange: () => void) {
  const { store, clock } = deps
  return {
    /** @throws Problem `slug_taken`, `endpoint_not_found`, `forbidden`. */
    async create(principal: Principal, input: GatewayInput, along?: Along): Promise<Gateway> {
      await checkConfiguration(deps, principal, input.configuration)
      const { id: account_id } = principal.account
      const now = clock.now()
      const row = {
        ...{ id: newId('gateway', now), account_id, name: input.name, endpoint: input.endpoint },
        ...{ configuration: JSON.stringify(input.configuration), created_at: now, updated_at: now },
      }
      await change(row.id, (tx) => insert(tx, row), along)
      return own(principal, row.id)
    },
    async list({ account }: Principal): Promise<Gateway[]> {
      const rows = await gatewayRows(store.db)
        .where({ 'gateways.account_id': account.id })
        .orderBy('gateways.id')
      return rows.map(toGateway)
    },
    /** @throws Problem `gateway_not_found`, also for a gateway of another account. */
    get: own,
    async change(
      principal: Principal,
      id: string,
      patch: GatewayPatch,
      along?: Along,
    ): Promise<Gateway> {
      const gateway = await own(principal, id)
      if (patch.configuration) await checkConfiguration(deps, principal, patch.configuration)
      const { name = gateway.name, configuration = gateway.configuration } = patch
      const columns = { name, configuration: JSON.stringify(configuration) }
      // Two changes in one moment are two editions.
      const updated_at = Math.max(clock.now(), gateway.updatedAtMs + 1)
      const row = { ...columns, updated_at }
      await change(id, (tx) => tx('gateways').where({ id }).update(row), along)
      return own(principal, id)
    },
    async remove(principal: Principal, id: string, along?: Along): Promise<void> {
      await own(principal, id)
      await change(id, (tx) => tx('gateways').where({ id }).delete(), along)
    },
  }

  async function own({ account }: Principal, id: string): Promise<Gateway> {
    const where = { 'gateways.id': id, 'gateways.account_id': account.id }
    const row = isId('gateway', id) ? await gatewayRows(store.db).where(where).first() : undefined
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

async function insert(tx: Tx, row: Record<string, unknown>): Promise<void> {
  try {
    await tx('gateways').insert(row)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Problem('slug_taken', `This account has a gateway at "${row.endpoint}" already.`)
  }
}

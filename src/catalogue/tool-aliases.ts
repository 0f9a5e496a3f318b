/**
 * A tool of the operator can be called by the name that clients know it by, `server__tool`, wherever an
 * endpoint's id can stand.
 */
import type { Db } from '#store'
import type { Backend } from './listing.js'

const ALIAS = /^[A-Za-z0-9_-]{1,64}$/
const MAX_KNOWN = 5_000
/** Of two tools of one name the first in this order has it. */
const RANKS: readonly Backend['type'][] = ['code', 'tool', 'mcp']

type ToolAliases = {
  /** The id of the endpoint that goes by this name; the name itself where it is none. */
  idOf(name: string): Promise<string>
  /** Names may mean something else from now on. */
  forget(): void
}

/** Whether a text is meant as the name of a tool: ids of endpoints have no underscore. */
export function isAlias(text: string): boolean {
  return text.includes('__') && ALIAS.test(text)
}

export function createToolAliases(db: Db): ToolAliases {
  const known = new Map<string, string>()
  let forgets = 0
  return {
    async idOf(name) {
      if (!isAlias(name)) return name
      const forgetsBefore = forgets
      const id = known.get(name) ?? (await find(db, name))
      if (id === undefined) return name
      // What was read before a change must not outlive it.
      if (forgets !== forgetsBefore) return id
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(name, id)
      return id
    },
    forget() {
      forgets++
      known.clear()
    },
  }
}

async function find(db: Db, name: string): Promise<string | undefined> {
  const rows = await db('endpoints')
    .join('listings', 'listings.id', 'endpoints.listing_id')
    .join('accounts', 'accounts.id', 'listings.seller_id')
    .where({ 'endpoints.tool_name': name, 'endpoints.status': 'active' })
    .where('accounts.kind', 'operator')
    .whereNot('listings.status', 'retired')
    .orderBy('endpoints.endpoint_id')
    .select('endpoints.endpoint_id', 'listings.backend')
  const ranked = rows.map(({ endpoint_id, backend }) => {
    return { id: endpoint_id as string, rank: RANKS.indexOf((JSON.parse(backend) as Backend).type) }
  })
  return ranked.sort((one, other) => one.rank - other.rank)[0]?.id
}

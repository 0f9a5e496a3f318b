/**
 * The names by which clients know the tools of an account. Several things may have one name: then
 * functions of this process come first, then the operator's file, what was declared by REST, and
 * last what was discovered at MCP servers.
 */
import { nextRevision, type Store, type Tx } from '#store'

/** Where a tool comes from, the first one winning a name. */
export const SOURCES = ['code', 'file', 'declared', 'discovered'] as const
export type Source = (typeof SOURCES)[number]

export type NamedTool = { name: string; endpointId: string; source: Source }

/** Rows of one statement; SQLite takes 500 at most. */
const PORTION = 100

/** Counts the changes of names, and of what signs for accounts. */
export const TOOLS = 'tools_revision'

/**
 * Gives names to endpoints. The same again changes nothing; names of the same endpoints stay until
 * they are released.
 */
export async function claimNames(
  tx: Tx,
  accountId: string,
  source: Source,
  named: readonly { name: string; endpointId: string }[],
): Promise<void> {
  await nextRevision(tx, TOOLS)
  const rows = named.map(({ name, endpointId }) => ({
    ...{ account_id: accountId, name, source },
    endpoint_id: endpointId,
  }))
  for (let i = 0; i < rows.length; i += PORTION) {
    await tx('tool_names')
      .insert(rows.slice(i, i + PORTION))
      .onConflict(['account_id', 'name', 'source', 'endpoint_id'])
      .ignore()
  }
}

/** Takes their names from endpoints. */
export async function releaseNames(tx: Tx, endpointIds: readonly string[]): Promise<void> {
  await nextRevision(tx, TOOLS)
  await tx('tool_names').whereIn('endpoint_id', endpointIds).delete()
}

/**
 * The tools of an account itself, by name, one for each.
 *
 * @param isHere whether a function is in this process: one that is not gives way to all else.
 */
export async function readNames(
  { db }: Store,
  accountId: string,
  isHere: (name: string) => boolean,
): Promise<NamedTool[]> {
  const rows = await db('tool_names')
    .where({ account_id: accountId })
    .orderBy(['name', 'endpoint_id'])
  const best = new Map<string, NamedTool>()
  for (const { name, source, endpoint_id } of rows) {
    const rival = best.get(name)
    if (!rival || rankOf({ name, source }) < rankOf(rival))
      best.set(name, { name, endpointId: endpoint_id, source })
  }
  return [...best.values()]

  function rankOf({ name, source }: Pick<NamedTool, 'name' | 'source'>): number {
    return source === 'code' && !isHere(name) ? SOURCES.length : SOURCES.indexOf(source)
  }
}

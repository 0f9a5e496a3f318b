/** Tools as those who declared them look at them: what is sold now, and what was before. */
import { type Db, int } from '#store'
import { type HandlerSlot, handlerSlots } from './handler-credentials.js'
import type { ListingStatus, ToolDefinition } from './listing.js'

/** Versions that one answer shows, the latest first. */
const MAX_VERSIONS = 100

/** The latest version of a tool. */
export type ToolNow = {
  version: number
  definition: ToolDefinition
  visibility: 'public' | 'private'
  /** Of its listing: a tool can be paused like everything that is sold. */
  status: ListingStatus
  changedAtMs: number
}

export type ToolVersion = {
  version: number
  definition: ToolDefinition
  /** What its handler is sent to know the gateway by, where it is sent something. */
  credential: HandlerSlot | undefined
  createdAtMs: number
}

/** The latest versions, by the ids of their endpoints. */
export async function toolsNow(
  db: Db,
  endpointIds: readonly string[],
): Promise<Map<string, ToolNow>> {
  const rows = await db('endpoints')
    .join('endpoint_versions', (join) =>
      join
        .on('endpoints.endpoint_id', 'endpoint_versions.endpoint_id')
        .andOn('endpoints.latest_version', 'endpoint_versions.version'),
    )
    .join('listings', 'listings.id', 'endpoints.listing_id')
    .whereIn('endpoints.endpoint_id', endpointIds)
    .select(
      ...['endpoints.endpoint_id', 'endpoint_versions.version', 'endpoint_versions.definition'],
      ...['endpoint_versions.created_at', 'listings.visibility', 'listings.status'],
    )
  const entries = rows.map((row): [string, ToolNow] => [
    row.endpoint_id,
    {
      version: int(row.version),
      definition: JSON.parse(row.definition),
      visibility: row.visibility === 'private' ? 'private' : 'public',
      status: row.status,
      changedAtMs: int(row.created_at),
    },
  ])
  return new Map(entries)
}

/** The latest {@link MAX_VERSIONS} versions of a tool, the latest first. */
export async function toolVersions(db: Db, endpointId: string): Promise<ToolVersion[]> {
  const rows = await db('endpoint_versions')
    .where({ endpoint_id: endpointId })
    .orderBy('version', 'desc')
    .limit(MAX_VERSIONS)
  const slots = await handlerSlots(db, endpointId)
  return rows.map((row) => {
    const definition: ToolDefinition = JSON.parse(row.definition)
    const { backend } = definition
    const url = backend.type === 'tool' ? backend.handler_url : ''
    return {
      version: int(row.version),
      definition,
      credential: slots.get(url),
      createdAtMs: int(row.created_at),
    }
  })
}

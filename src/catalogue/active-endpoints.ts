/** What is sold by a listing, for an MCP server, or by an account, in the order of the ids. */
import type { Db } from '#store'

export type ActiveEndpoint = {
  endpointId: string
  /** Of the tool; the endpoint's slug where it is none. */
  name: string
}

export type EndpointsOf = { listing: string } | { server: string } | { seller: string }

/** At most `limit`, whoever may see them: that is to be asked of each. */
export async function activeEndpoints(
  db: Db,
  of: EndpointsOf,
  limit = 1_000,
): Promise<ActiveEndpoint[]> {
  const rows = await db('endpoints')
    .join('listings', 'listings.id', 'endpoints.listing_id')
    .where({ 'endpoints.status': 'active', 'listings.status': 'published', ...columnOf(of) })
    .orderBy('endpoints.endpoint_id')
    .limit(limit)
    .select('endpoints.endpoint_id', 'endpoints.slug', 'endpoints.tool_name')
  return rows.map(({ endpoint_id, slug, tool_name }) => {
    return { endpointId: endpoint_id, name: tool_name ?? slug }
  })
}

function columnOf(of: EndpointsOf): Record<string, string> {
  if ('listing' in of) return { 'listings.slug': of.listing }
  if ('seller' in of) return { 'listings.seller_id': of.seller }
  return { 'listings.server': of.server }
}

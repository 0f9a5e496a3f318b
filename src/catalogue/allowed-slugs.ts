/** The lists of what a looker may use, as slugs for the search. */
import { allowedListings, type Principal, serversNamedFor } from '#accounts'
import type { Db } from '#store'
import type { Backend } from './listing.js'

/** Slugs of the only listings that a looker may see, `undefined` for all. */
export async function allowedSlugs(
  db: Db,
  looker: Principal | undefined,
): Promise<ReadonlySet<string> | undefined> {
  const servers = serversNamedFor(looker)
  if (servers.length === 0) return allowedListings(looker)
  const names = new Map(servers.map((server) => [backendOf(server), server]))
  const rows = await db('listings')
    .whereIn('backend', [...names.keys()])
    .select('slug', 'backend')
  const slugs = new Map<string, string[]>()
  for (const { slug, backend } of rows) {
    const server = names.get(backend)!
    slugs.set(server, [...(slugs.get(server) ?? []), slug])
  }
  return allowedListings(looker, (server) => slugs.get(server) ?? [])
}

/** As the listings of an MCP server hold it. */
function backendOf(server: string): string {
  const backend: Backend = { type: 'mcp', server }
  return JSON.stringify(backend)
}

/** The lists of what a looker may use, as slugs for the search. */
import { allowedListings, type Principal, serversNamedFor } from '#accounts'
import type { Db } from '#store'

/** Slugs of the only listings that a looker may see, `undefined` for all. */
export async function allowedSlugs(
  db: Db,
  looker: Principal | undefined,
): Promise<ReadonlySet<string> | undefined> {
  const servers = serversNamedFor(looker)
  if (servers.length === 0) return allowedListings(looker)
  const rows = await db('listings').whereIn('server', servers).select('slug', 'server')
  const slugs = new Map<string, string[]>()
  for (const { slug, server } of rows) {
    slugs.set(server, [...(slugs.get(server) ?? []), slug])
  }
  return allowedListings(looker, (server) => slugs.get(server) ?? [])
}

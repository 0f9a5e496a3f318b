/** Slugs that sellers cannot take: those of shipped providers, and of the tools of MCP servers. */
const OF_SERVERS = 'mcp-'

export type ReservedSlugs = { has(slug: string): boolean }

export function reservedSlugs(shipped: ReadonlySet<string>): ReservedSlugs {
  return { has: (slug) => shipped.has(slug) || slug.startsWith(OF_SERVERS) }
}

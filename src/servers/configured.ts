/** Servers that the operator's file or code says: they are stored, so that all gateways can call them. */
import { canonicalJson } from '#core/canonical-json'
import { newId } from '#core/ids'
import { nextRevision, type Tx } from '#store'
import type { AdministrationDeps } from './administration.js'
import type { Discovery } from './discovery-state.js'
import { listingSlugOf, type Server, type ServerSource } from './server.js'
import type { ServerTerms } from './server-schema.js'
import { deleteServer, readServers, SERVERS, writeServer } from './stored-servers.js'

export type Gone = { server: Server; discovery: Discovery }

/**
 * Stores what a file or code says.
 *
 * @param isAll whether the source says nothing else: what it said before and no longer does is gone.
 * @returns the servers that are gone, and what they offered last.
 */
export async function storeConfigured(
  deps: Pick<AdministrationDeps, 'store' | 'vault' | 'clock'>,
  source: Exclude<ServerSource, 'api'>,
  said: readonly ServerTerms[],
  isAll: boolean,
): Promise<Gone[]> {
  return deps.store.inTransaction(async (tx) => {
    const revision = await nextRevision(tx, SERVERS)
    const stored = await readServers(tx, deps.vault, { source })
    const bySlug = new Map(stored.map((server) => [server.slug, server]))
    for (const terms of said) {
      const slug = listingSlugOf(terms.name)
      await put(deps, tx, { slug, source, terms, revision }, bySlug.get(slug))
      bySlug.delete(slug)
    }
    const gone: Gone[] = []
    for (const server of isAll ? bySlug.values() : []) {
      gone.push({ server, discovery: await deleteServer(tx, server.id) })
    }
    return gone
  })
}

async function put(
  { vault, clock }: Pick<AdministrationDeps, 'vault' | 'clock'>,
  tx: Tx,
  said: Pick<Server, 'slug' | 'source' | 'terms' | 'revision'>,
  known: Server | undefined,
): Promise<void> {
  if (known && canonicalJson(known.terms) === canonicalJson(said.terms)) return
  const now = clock.now()
  const born = known ?? { id: newId('server', now), createdAtMs: now }
  const { id, createdAtMs } = born
  await writeServer(tx, vault, { ...said, id, createdAtMs, updatedAtMs: now })
}

/** The servers as they are stored: what is secret in them sealed for its row and its field alone. */
import type { Id } from '#core/ids'
import { type Db, int, intOrNull, type Store, type Tx } from '#store'
import { type Discovery, UNDISCOVERED } from './discovery-state.js'
import type { Server, ServerSource } from './server.js'
import type { ServerTerms } from './server-schema.js'

/** Counts the changes of servers. */
export const SERVERS = 'mcp_servers_revision'

/** An address may hold a key in its query, and an argument of a program be one. */
const SECRET = ['url', 'args', 'headers', 'credentials', 'env'] as const
type Secret = (typeof SECRET)[number]

export type Sealing = {
  seal(owner: string, plaintext: Uint8Array): Buffer
  open(owner: string, sealed: Uint8Array): Buffer
}

type Row = {
  id: string
  name: string
  slug: string
  source: string
  terms: string
  revision: bigint
  created_at: bigint
  updated_at: bigint
} & Record<`${Secret}_sealed`, Buffer | null>

const COLUMNS = 'id name slug source terms revision created_at updated_at'.split(' ')

/** @returns the revision of each server. */
export async function readRevisions(db: Db): Promise<Map<string, number>> {
  const rows = await db('mcp_servers').select('id', 'revision')
  return new Map(rows.map(({ id, revision }) => [id as string, int(revision)]))
}

export async function readServers(
  db: Db | Tx,
  vault: Sealing,
  where: { ids: readonly string[] } | { source: ServerSource },
): Promise<Server[]> {
  const query = db('mcp_servers').select(...COLUMNS, ...SECRET.map((field) => `${field}_sealed`))
  const rows: Row[] = await ('ids' in where
    ? query.whereIn('id', where.ids)
    : query.where({ source: where.source }))
  return rows.map((row) => toServer(vault, row))
}

/** Writes a server, new or changed; to be called with the revision in its transaction. */
export async function writeServer(tx: Tx, vault: Sealing, server: Server): Promise<void> {
  const { id, slug, source, terms, revision, createdAtMs, updatedAtMs } = server
  const shown = Object.entries(terms).filter(([field]) => !SECRET.includes(field as Secret))
  const row = {
    ...{ id, name: terms.name, slug, source, revision },
    terms: JSON.stringify(Object.fromEntries(shown)),
    created_at: createdAtMs,
    updated_at: updatedAtMs,
    ...sealedColumns(vault, id, terms),
  }
  const { created_at, ...changed } = row
  const discovery = JSON.stringify(UNDISCOVERED)
  await tx('mcp_servers')
    .insert({ ...row, discovery })
    .onConflict('id')
    .merge(Object.keys(changed))
}

/** @returns what it offered last: that is to be taken off sale. */
export async function deleteServer(tx: Tx, id: string): Promise<Discovery> {
  const discovery = await readDiscovery(tx, id)
  await tx('mcp_servers').where({ id }).delete()
  return discovery
}

/** Whether a server is as it was read, until the transaction ends. */
export async function isAt(tx: Tx, { id, revision }: Server): Promise<boolean> {
  const row = await tx('mcp_servers').where({ id, revision }).forShare().first('id')
  return row !== undefined
}

/** What the server's listing has: its name may be written in several ways. */
export async function sourcesOf(tx: Tx, slug: string): Promise<ServerSource[]> {
  const rows = await tx('mcp_servers').where({ slug }).select('source')
  return rows.map(({ source }) => source as ServerSource)
}

export async function countServers(tx: Tx): Promise<number> {
  const row = await tx('mcp_servers').count({ count: '*' }).first()
  return int(row!.count)
}

export async function readDiscovery(db: Db | Tx, id: string): Promise<Discovery> {
  const row = await db('mcp_servers').where({ id }).first('discovery')
  return row ? JSON.parse(row.discovery) : UNDISCOVERED
}

export async function writeDiscovery(
  tx: Tx,
  id: string,
  discovery: Discovery,
  triedAtMs: number,
): Promise<void> {
  const changed = { discovery: JSON.stringify(discovery), tried_at: triedAtMs }
  await tx('mcp_servers').where({ id }).update(changed)
}

/** Remembers something more of what a server offers, where it is still as it was read. */
export async function noteDiscovery(
  store: Store,
  { id, revision }: Server,
  found: Partial<Discovery>,
  triedAtMs: number,
): Promise<void> {
  await store.inTransaction(async (tx) => {
    const row = await tx('mcp_servers').where({ id, revision }).forUpdate().first('discovery')
    if (!row) return
    await writeDiscovery(tx, id, { ...JSON.parse(row.discovery), ...found }, triedAtMs)
  })
}

/** When each server was last asked for its tools, ms, and whether it answered. */
export async function lastTries(db: Db): Promise<{ id: string; atMs: number; failed: boolean }[]> {
  const rows = await db('mcp_servers').select('id', 'tried_at', 'discovery')
  return rows.map(({ id, tried_at, discovery }) => {
    const { error }: Discovery = JSON.parse(discovery)
    return { id, atMs: intOrNull(tried_at) ?? 0, failed: error !== null }
  })
}

function sealedColumns(vault: Sealing, id: string, terms: ServerTerms) {
  const columns = SECRET.map((field) => {
    const value = terms[field]
    const sealed =
      value === undefined
        ? null
        : vault.seal(ownerOf(id, field), Buffer.from(JSON.stringify(value)))
    return [`${field}_sealed`, sealed] as const
  })
  return Object.fromEntries(columns)
}

function toServer(vault: Sealing, row: Row): Server {
  const secrets = SECRET.flatMap((field) => {
    const sealed = row[`${field}_sealed`]
    if (!sealed) return []
    return [[field, JSON.parse(vault.open(ownerOf(row.id, field), sealed).toString())] as const]
  })
  return {
    id: row.id as Id<'server'>,
    slug: row.slug,
    source: row.source as ServerSource,
    terms: { ...JSON.parse(row.terms), ...Object.fromEntries(secrets) },
    createdAtMs: int(row.created_at),
    updatedAtMs: int(row.updated_at),
    revision: int(row.revision),
  }
}

function ownerOf(id: string, field: Secret): string {
  return `${id}|${field}`
}

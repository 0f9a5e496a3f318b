/**
 * One Meilisearch index behind the port's writing half. What the port calls done is stored for good
 * by the server: every task is waited for.
 *
 * A row outlives its document while something is known of its id: then it is not shown.
 */
import {
  answered,
  answeredIfThere,
  done,
  type Index,
  type MeilisearchServer,
  type Settings,
} from './meilisearch-client.js'
import {
  isOfOneOf,
  isOneOf,
  KEPT_FIELDS,
  keyOf,
  layoutOf,
  lessonFields,
  type Row,
  rowOf,
  STATE_KEY,
  standingFields,
} from './meilisearch-rows.js'
import type { Search } from './search.js'

/** Rows that are sent in one request. */
const PORTION = 1_000

type Writing = Omit<Search, 'find' | 'close' | 'ready'>

/** What an index holds: laid out how, and up to which revision. */
export type IndexState = { layout?: string; revision?: string }

export function meilisearchIndex(
  { client }: MeilisearchServer,
  uid: string,
  settings: Settings,
): Writing & { prepare(): Promise<void> } {
  const index = client.index<Row>(uid)
  const layout = layoutOf(settings)
  const isEmbedded = settings.embedders !== undefined

  return {
    async put(documents) {
      // The last of two with one id counts.
      const rows = new Map(
        documents.map((document) => [keyOf(document.endpointId), rowOf(document, isEmbedded)]),
      )
      for (const portion of portionsOf([...rows.values()])) {
        const kept = await keptFields(index, portion)
        await done(index.addDocuments(portion.map((row) => ({ ...row, ...kept.get(row.id) }))))
      }
    },
    async remove(endpointIds) {
      const rows = endpointIds.map((endpointId) => ({ id: keyOf(endpointId) }))
      for (const portion of portionsOf(rows)) {
        const kept = await keptFields(index, portion)
        const unknown = portion.map(({ id }) => id).filter((id) => !kept.has(id))
        if (kept.size > 0) await done(index.addDocuments([...kept.values()]))
        if (unknown.length > 0) await done(index.deleteDocuments(unknown))
      }
    },
    putStanding: (standings) => update(standings.map(standingFields)),
    putLessons: (lessons) => update(lessons.map(lessonFields)),
    async categories(only) {
      const filter = ['is_shown = true', ...(only ? [isOfOneOf(only)] : [])]
      const found = await answeredIfThere(
        index.search('', { filter, facets: ['category'], limit: 0 }),
      )
      return Object.entries(found?.facetDistribution?.category ?? {})
        .map(([name, count]) => ({ name, count }))
        .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    },
    async clear() {
      await done(index.deleteAllDocuments())
      await setState({ layout })
    },
    async revision() {
      const state = await stateOf(index)
      return state?.layout === layout ? state.revision : undefined
    },
    // Only `prepare` writes the layout. So a server that lost the index meanwhile, and makes one
    // without settings of what it is sent, does not pass for one that is well.
    setRevision: (revision) => setState({ revision }),
    async prepare() {
      if ((await stateOf(index))?.layout === layout) return
      await dropIndex(client, uid)
      await done(client.createIndex(uid, { primaryKey: 'id' }))
      await done(index.updateSettings(settings))
      await setState({ layout })
    },
  }

  async function update(rows: Row[]): Promise<void> {
    for (const portion of portionsOf(rows)) await done(index.updateDocuments(portion))
  }

  function setState(state: IndexState): Promise<void> {
    return done(index.updateDocuments([{ id: STATE_KEY, ...state }]))
  }
}

/** What the index says that it holds, `undefined` where it is not there or was never prepared. */
export function stateOf(index: Index<Row>): Promise<IndexState | undefined> {
  return answeredIfThere(index.getDocument<IndexState>(STATE_KEY))
}

/** Deletes the index where there is one. */
export async function dropIndex(client: MeilisearchServer['client'], uid: string): Promise<void> {
  if (await answeredIfThere(client.getRawIndex(uid))) await done(client.deleteIndex(uid))
}

/** What is known of those ids, by key; an id of which nothing is known is left out. */
async function keptFields(
  index: Index<Row>,
  rows: readonly { id: string }[],
): Promise<Map<string, Row>> {
  const filter = isOneOf(rows.map(({ id }) => id))
  const fields = ['id', ...KEPT_FIELDS]
  const found = await answered(index.getDocuments({ filter, fields, limit: rows.length }))
  return new Map(found.results.filter(isKnown).map((row) => [row.id, row]))
}

function isKnown({ score = null, uptime = null, quality = 0, learned = '' }: Row): boolean {
  return score !== null || uptime !== null || quality !== 0 || learned !== ''
}

function portionsOf<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / PORTION)
  return Array.from({ length: count }, (_, at) => rows.slice(at * PORTION, (at + 1) * PORTION))
}

/**
 * The search that needs no server: SQLite's full-text index over words that we cut ourselves. Its
 * file is derived from the catalogue and can be thrown away at any time.
 *
 * A document's score is its BM25 score over weighted fields, times a quality factor near 1. All
 * words of a query are optional; the rare ones decide.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { decodeCursor, encodeCursor } from '#core/page'
import { Problem } from '#core/problem'
import { qualityOf } from './quality.js'
import type { Found, Search, SearchDocument, SearchQuery, Standing } from './search.js'
import { editDistance, meantWords, queryWords, wordsOf } from './words.js'

/** Raise it with every change of the tables or of how words are cut: old files are made anew. */
const LAYOUT = 2

/** How much a word counts in each column of `texts`, in their order. */
const WEIGHTS = { title: 2, name: 1, path: 0.7, listing: 1.5, description: 1, details: 0.3 }

/** How much a word counts that the query does not contain but probably means. */
const GUESS_WEIGHT = 0.5
/** Misspelt words looked up for one query; each costs a walk over a part of the vocabulary. */
const MAX_CORRECTED = 4
const MAX_GUESSES_PER_WORD = 3
const SHORTEST_PREFIX = 4
const SHORTEST_CORRECTED = 5
/** From this length on two edits are a misspelling, below it only one. */
const LONG_WORD = 8

/** Characters of a description that are indexed; the rest would bury the words that matter. */
const MAX_DESCRIPTION = 2_000
/** About a sentence: it is the same for every endpoint of the listing and makes all of them longer. */
const MAX_LISTING_DESCRIPTION = 160
const MAX_PARAMETERS = 60

/**
 * The most that quality moves a score, up or down. A text score that is more than
 * (1 + 0.1) / (1 - 0.1) = 1.22 times another's wins whatever was measured.
 */
const QUALITY_SHARE = 0.1

const TABLES = `
  begin;
  create table documents (
    id integer primary key,
    endpoint_id text not null unique,
    category text not null,
    seller_id text not null,
    seller_name text not null,
    seller_slug text not null,
    max_total integer not null
  ) strict;
  create table standings (
    endpoint_id text primary key,
    rating real,
    uptime real,
    quality real not null
  ) strict, without rowid;
  create virtual table texts using fts5(
    ${Object.keys(WEIGHTS).join(', ')},
    tokenize = 'porter unicode61', content = '', contentless_delete = 1
  );
  -- Words as they were written, to correct misspellings with. A word outlives its last document:
  -- a correction to it finds nothing.
  create table vocabulary (word text primary key) strict, without rowid;
  create table state (name text primary key, value text not null) strict, without rowid;
  pragma user_version = ${LAYOUT};
  commit;`

const CLEAR = `
  begin;
  delete from documents;
  delete from standings;
  insert into texts (texts) values ('delete-all');
  delete from vocabulary;
  delete from state;
  commit;`

const SCORE = `-bm25(texts, ${Object.values(WEIGHTS).join(', ')})`

const TEXT_HITS = `
  select id, sum(score) as score from (
    select rowid as id, ${SCORE} as score from texts where texts match :words
    union all
    select rowid as id, ${GUESS_WEIGHT} * ${SCORE} as score from texts where texts match :guesses
  ) group by id`

const ALL_HITS = 'select id, 1.0 as score from documents'

/**
 * One page. `after` is the last endpoint of the page before: its place is looked up in the ranking
 * as it is now, so that documents put or removed meanwhile shift nothing. Where it is gone itself,
 * `offset` counts instead.
 */
const pageSql = (hits: string) => `
  with hits as materialized (${hits}),
  ranked as materialized (
    select d.endpoint_id,
           hits.score * (1 + ${QUALITY_SHARE} * coalesce(s.quality, 0)) as score,
           (:category is null or d.category = :category)
             and (:maxPrice is null or d.max_total <= :maxPrice)
             and (:seller is null or :seller in (d.seller_id, d.seller_name, d.seller_slug))
             and (:minRating is null or coalesce(s.rating >= :minRating, 0))
             and (:minUptime is null or coalesce(s.uptime >= :minUptime, 0)) as passes
    from hits
    join documents d on d.id = hits.id
    left join standings s on s.endpoint_id = d.endpoint_id
  ),
  place as (select score, endpoint_id from ranked where endpoint_id = :after)
  select r.endpoint_id from ranked r left join place p on true
  where r.passes and (p.score is null or r.score < p.score
                      or (r.score = p.score and r.endpoint_id > p.endpoint_id))
  order by r.score desc, r.endpoint_id
  limit :limit offset iif(exists (select 1 from place), 0, :offset)`

type Index = Database.Database

/**
 * A search over its own SQLite file, or over `:memory:`. A file that is damaged or of another
 * layout is made anew, empty and without a revision. A `put` of thousands of documents takes
 * hundreds of milliseconds, during which nothing else runs: put them in portions.
 */
export function embeddedSearch(file: string): Search {
  const index = open(file)
  const byText = index.prepare(pageSql(TEXT_HITS)).pluck()
  const all = index.prepare(pageSql(ALL_HITS)).pluck()
  const readText = textReader(index)
  const countCategories = index.prepare<[], { name: string; count: number }>(
    'select category as name, count(*) as count from documents group by 1 order by 2 desc, 1',
  )
  const readRevision = index
    .prepare<[], string>("select value from state where name = 'revision'")
    .pluck()
  const writeRevision = index.prepare("insert or replace into state values ('revision', ?)")

  return {
    put: async (documents) => put(index, documents),
    remove: async (endpointIds) => remove(index, endpointIds),
    putStanding: async (standings) => putStanding(index, standings),
    putLessons: async () => {},
    clear: async () => {
      index.exec(CLEAR)
    },
    find: async (query) => {
      const text = readText(query.query ?? '')
      return pageOf(query, (place) =>
        (text ? byText : all).all({ ...filtersOf(query), ...place, ...text }),
      )
    },
    categories: async () => countCategories.all(),
    ready: async () => index.open,
    close: async () => {
      index.close()
    },
    revision: async () => readRevision.get(),
    setRevision: async (revision) => {
      writeRevision.run(revision)
    },
  }
}

function open(file: string): Index {
  try {
    const index = connect(file)
    const layout = index.pragma('user_version', { simple: true })
    if (layout === LAYOUT) return index
    if (layout === 0) return index.exec(TABLES)
    index.close()
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
  return connect(file).exec(TABLES)
}

function connect(file: string): Index {
  const index = new Database(file)
  try {
    index.pragma('journal_mode = WAL')
    index.pragma('synchronous = NORMAL')
    return index
  } catch (error) {
    index.close()
    throw error
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code)
}

function put(index: Index, documents: readonly SearchDocument[]): void {
  const writeDocument = index
    .prepare<unknown[], number>(
      `insert into documents
         (endpoint_id, category, seller_id, seller_name, seller_slug, max_total)
       values (?, ?, ?, ?, ?, ?)
       on conflict (endpoint_id) do update set category = excluded.category,
         seller_id = excluded.seller_id, seller_name = excluded.seller_name,
         seller_slug = excluded.seller_slug, max_total = excluded.max_total
       returning id`,
    )
    .pluck()
  const columns = Object.keys(WEIGHTS)
  const writeText = index.prepare(
    `insert or replace into texts (rowid, ${columns.join(', ')})
     values (?, ${columns.map(() => '?').join(', ')})`,
  )
  const writeWord = index.prepare('insert or ignore into vocabulary values (?)')
  const vocabulary = new Set<string>()

  index.transaction(() => {
    for (const document of documents) {
      const { sellerId, sellerName, sellerSlug } = document
      const seller = [sellerId, sellerName, sellerSlug]
      const id = writeDocument.get(
        document.endpointId,
        document.category,
        ...seller,
        document.maxTotal,
      )
      const words = columnsOf(document)
      writeText.run(id, ...columns.map((column) => words[column as keyof typeof WEIGHTS].join(' ')))
      for (const word of Object.values(words).flat()) {
        if (/^[a-z]{4,}$/.test(word)) vocabulary.add(word)
      }
    }
    for (const word of vocabulary) writeWord.run(word)
  })()
}

function columnsOf(document: SearchDocument): Record<keyof typeof WEIGHTS, string[]> {
  const { listingTitle, category, sellerName, listingDescription } = document
  const name = document.endpointId.split('.').flatMap(wordsOf)
  return {
    title: wordsOf(document.title),
    name,
    // Names in braces are arguments, which count in details.
    path: wordsOf(document.path.replace(/\{[^}]*\}/g, ' ')),
    listing: wordsOf(`${listingTitle} ${category} ${sellerName}`),
    description: wordsOf(document.description.slice(0, MAX_DESCRIPTION)),
    details: wordsOf(
      [
        ...document.parameters.slice(0, MAX_PARAMETERS).map(({ name }) => name),
        listingDescription.slice(0, MAX_LISTING_DESCRIPTION),
        document.maxTotal === 0n ? 'free' : 'paid',
      ].join(' '),
    ),
  }
}

function remove(index: Index, endpointIds: readonly string[]): void {
  const removeDocument = index
    .prepare<[string], number>('delete from documents where endpoint_id = ? returning id')
    .pluck()
  const removeText = index.prepare('delete from texts where rowid = ?')
  index.transaction(() => {
    for (const endpointId of endpointIds) {
      const id = removeDocument.get(endpointId)
      if (id !== undefined) removeText.run(id)
    }
  })()
}

function putStanding(index: Index, standings: readonly Standing[]): void {
  const write = index.prepare('insert or replace into standings values (?, ?, ?, ?)')
  index.transaction(() => {
    for (const standing of standings) {
      const { endpointId, rating, uptime } = standing
      write.run(endpointId, rating, uptime, qualityOf(standing))
    }
  })()
}

/**
 * Turns a query into two index expressions: its words that occur somewhere, and guesses: what its
 * words stand for, and those that occur nowhere read as beginnings of words, else as misspellings.
 * `undefined` for a query without a word, such as `*`.
 */
function textReader(index: Index) {
  const someDocument = index.prepare('select 1 from texts where texts match ? limit 1')
  const wordsBetween = index
    .prepare<[string, string, number, number], string>(
      `select word from vocabulary
       where word >= ? and word < ? and length(word) between ? and ?`,
    )
    .pluck()
  const occurs = (term: string) => someDocument.get(term) !== undefined

  return (query: string): { words: string; guesses: string } | undefined => {
    const words = queryWords(query)
    if (words.length === 0) return undefined
    const known = words.filter((word) => occurs(exactly(word)))
    const unknown = words.filter((word) => !known.includes(word))
    const begun = unknown.filter((word) => word.length >= SHORTEST_PREFIX && occurs(begins(word)))
    const misspelt = unknown.filter((word) => !begun.includes(word)).slice(0, MAX_CORRECTED)
    const meant = [...meantWords(words), ...misspelt.flatMap(similarWords)]
    const guesses = [...begun.map(begins), ...meant.map(exactly)]
    return { words: anyOf(known.map(exactly)), guesses: anyOf(guesses) }
  }

  /** The nearest written words; people rarely get the first letter wrong, so it must be the same. */
  function similarWords(word: string): string[] {
    if (word.length < SHORTEST_CORRECTED || !/^[a-z]+$/.test(word)) return []
    const most = word.length < LONG_WORD ? 1 : 2
    const first = word.charCodeAt(0)
    const candidates = wordsBetween
      .all(word[0]!, String.fromCharCode(first + 1), word.length - most, word.length + most)
      .map((candidate) => ({ candidate, edits: editDistance(word, candidate, most) }))
      .filter(({ edits }) => edits <= most)
    const fewest = Math.min(...candidates.map(({ edits }) => edits))
    return candidates
      .filter(({ edits }) => edits === fewest)
      .slice(0, MAX_GUESSES_PER_WORD)
      .map(({ candidate }) => candidate)
  }
}

/** Quoted, so that nothing a user writes is syntax; words hold letters and digits only. */
function exactly(word: string): string {
  return `"${word}"`
}

function begins(word: string): string {
  return `"${word}" *`
}

function filtersOf(query: SearchQuery) {
  return {
    category: query.category ?? null,
    maxPrice: query.maxPrice ?? null,
    seller: query.seller ?? null,
    minRating: query.minRating ?? null,
    minUptime: query.minUptime ?? null,
  }
}

/** An empty phrase matches nothing; an empty expression would be a syntax error. */
function anyOf(terms: readonly string[]): string {
  return terms.length === 0 ? '""' : terms.join(' OR ')
}

type Place = { after: string | null; offset: number; limit: number }

function pageOf(query: SearchQuery, read: (place: Place) => unknown[]): Found {
  const question = questionHash(query)
  const [offset, after] =
    query.cursor === undefined ? [0, null] : readCursor(query.cursor, question)
  const found = read({ after, offset, limit: query.limit + 1 }) as string[]
  const items = found.slice(0, query.limit)
  if (found.length === items.length) return { items, engine: 'embedded' }
  return {
    engine: 'embedded',
    items,
    nextCursor: encodeCursor([question, offset + items.length, items.at(-1)]),
  }
}

type Position = [question: string, offset: number, after: string]

function readCursor(cursor: string, question: string): [offset: number, after: string] {
  const [asked, offset, after] = decodeCursor(cursor, isPosition)
  if (asked === question) return [offset, after]
  throw new Problem('invalid_request', 'The cursor belongs to another search.', {
    action: 'Send it with the query and the filters that it came from, or leave it away.',
  })
}

function isPosition(value: unknown): value is Position {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [question, offset, after] = value
  return (
    typeof question === 'string' &&
    Number.isSafeInteger(offset) &&
    offset >= 0 &&
    typeof after === 'string'
  )
}

/** Names what is asked, whatever the size of the page. */
function questionHash(query: SearchQuery): string {
  const { maxPrice, ...filters } = filtersOf(query)
  const asked = [query.query?.trim() ?? '', maxPrice?.toString() ?? null, ...Object.values(filters)]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 12)
}

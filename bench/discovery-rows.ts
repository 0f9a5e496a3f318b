/** What the benchmark of the search reads: operations, labelled queries, and names of the same thing. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** An operation of some API, as a catalogue or a corpus lists it. */
export type Row = {
  id: string
  provider: string
  /** Rows of one API become one listing. */
  api: string
  title: string
  /** What its source calls it, where that is not the operation id. */
  name?: string
  method?: string
  path?: string
  operation_id?: string
  summary?: string
  description?: string
  tags?: string[]
  categories?: string[]
  server_url?: string
  params?: RowParameter[]
  /** The id of the row that says the same; this one is left out. */
  dup_of?: string
}

export type RowParameter = { name: string; in: string; required?: boolean; description?: string }

export type Query = {
  id: string
  set: string
  query: string
  /** Ids of the rows that answer it. */
  relevant: string[]
  /** Beginnings of ids that nobody judged for this query: they count neither way. */
  ignore?: string[]
}

/** Ids, and the ids that stand for them. */
export type Aliases = Record<string, string>

/** What was given cannot be used; the message says why, in one sentence. */
export class UsageFault extends Error {}

export type Files = {
  catalogue: string
  corpus: string | undefined
  queries: string
  aliases: string | undefined
}

/** Rows that are not copies of others, and what the copies are called. */
export function readRows({ catalogue, corpus }: Files): { rows: Row[]; copies: Aliases } {
  const rows: Row[] = []
  const copies: Aliases = {}
  for (const file of [catalogue, ...(corpus === undefined ? [] : [corpus])]) {
    for (const row of readLines<Row>(file)) {
      if (row.dup_of === undefined) rows.push(row)
      else copies[row.id] = row.dup_of
    }
  }
  return { rows, copies }
}

export function readQueries({ queries }: Files): Query[] {
  return readLines<Query>(queries)
}

/** The file's, or none. */
export function readAliases({ aliases }: Files): Aliases {
  return aliases === undefined ? {} : (JSON.parse(readText(aliases)) as Aliases)
}

/** The first queries of each set: always the same ones. */
export function sampleOf(queries: readonly Query[], each: number): Query[] {
  const taken = new Map<string, number>()
  return queries.filter(({ set }) => {
    const count = (taken.get(set) ?? 0) + 1
    taken.set(set, count)
    return count <= each
  })
}

/** @throws UsageFault that names the file and the line that is no JSON. */
function readLines<Line>(file: string): Line[] {
  const lines: Line[] = []
  for (const [i, text] of readText(file).split('\n').entries()) {
    if (text.trim() === '') continue
    try {
      lines.push(JSON.parse(text) as Line)
    } catch (cause) {
      throw new UsageFault(`${file}:${i + 1} is not JSON.`, { cause })
    }
  }
  return lines
}

/** Plain or packed with gzip, whatever the name says. */
function readText(file: string): string {
  const bytes = readFileSync(file)
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b
  return (isPacked ? gunzipSync(bytes) : bytes).toString('utf8')
}

/**
 * How the stand-in for Meilisearch finds: filters as Meilisearch reads them, and a ranking that is
 * only like its own. A word is met whole and, without quotes, by its beginning or with typos;
 * what is met better, and in an earlier attribute, comes first.
 */
export type Row = Record<string, unknown> & { id: string }
export type StoredIndex = { rows: Map<string, Row>; settings: Record<string, unknown> }

export type Asked = {
  q?: string | null
  filter?: string | (string | string[])[]
  limit?: number
  offset?: number
  facets?: string[]
  attributesToRetrieve?: string[]
  showRankingScore?: boolean
  hybrid?: { embedder: string }
}

/** A request that Meilisearch would refuse with 400. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** Only so many words of a query are read. */
const MAX_WORDS = 10

type Scored = { row: Row; score: number }

/** The answer to a search on `index`, as the route gives it. */
export function search(index: StoredIndex, asked: Asked) {
  const passing = rowsPassing(index, asked.filter)
  const scored = scoreAll(index, passing, asked).sort(inRankingOrder(index))
  const { offset = 0, limit = 20 } = asked
  return {
    hits: scored.slice(offset, offset + limit).map(({ row, score }) => ({
      ...only(row, asked.attributesToRetrieve),
      ...(asked.showRankingScore && { _rankingScore: score }),
    })),
    query: asked.q ?? '',
    processingTimeMs: 0,
    offset,
    limit,
    estimatedTotalHits: scored.length,
    ...(asked.facets && { facetDistribution: facetsOf(passing, asked.facets) }),
  }
}

export function rowsPassing(index: StoredIndex, filter: Asked['filter']): Row[] {
  const allowed = new Set(index.settings.filterableAttributes as string[] | undefined)
  const parts = filter === undefined ? [] : [filter].flat(2)
  const tests = parts.map((part) => parseFilter(part, allowed))
  return [...index.rows.values()].filter((row) => tests.every((passes) => passes(row)))
}

export function only(row: Row, fields: readonly string[] | undefined): Record<string, unknown> {
  if (fields === undefined || fields.includes('*')) return row
  return Object.fromEntries(Object.entries(row).filter(([name]) => fields.includes(name)))
}

function scoreAll(index: StoredIndex, rows: readonly Row[], { q, hybrid }: Asked): Scored[] {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean).slice(0, MAX_WORDS)
  if (hybrid) {
    if (!Object.hasOwn(Object(index.settings.embedders), hybrid.embedder))
      throw new Refused('invalid_search_embedder')
    return rows.filter((row) => 'text' in row).map((row) => ({ row, score: meaning(row, words) }))
  }
  if (words.length === 0) return rows.map((row) => ({ row, score: 1 }))
  return rows.flatMap((row) => {
    const scores = words.map((word, at) => wordScore(index, row, word, at === words.length - 1))
    const isMet = scores.every((score) => score > 0)
    return isMet ? [{ row, score: Math.min(...scores) }] : []
  })
}

/** 0 where the word is not met, else between 0 and 1. */
function wordScore({ settings }: StoredIndex, row: Row, word: string, isLast: boolean): number {
  const attributes = settings.searchableAttributes as string[]
  const scores = attributes.map((attribute, at) => {
    const words = String(row[attribute] ?? '').split(' ')
    const met = Math.max(...words.map((other) => metBy(word, other, isLast)))
    return met * (1 - at / (2 * attributes.length))
  })
  return Math.max(...scores)
}

function metBy(word: string, other: string, isLast: boolean): number {
  if (word === other || word === `"${other}"`) return 1
  if (word.startsWith('"')) return 0
  if (isLast && other.startsWith(word)) return 0.9
  const typos = word.length >= 8 ? 2 : word.length >= 5 ? 1 : 0
  const edits = typos === 0 || word[0] !== other[0] ? 3 : distance(word, other)
  return edits <= typos ? 0.5 / edits : 0
}

function meaning(row: Row, words: readonly string[]): number {
  const text = String(row.text).toLowerCase()
  return words.filter((word) => text.includes(word)).length / Math.max(1, words.length)
}

function inRankingOrder({ settings }: StoredIndex) {
  const rules = (settings.rankingRules as string[] | undefined) ?? []
  const custom = rules.filter((rule) => rule.includes(':')).map((rule) => rule.split(':'))
  return (a: Scored, b: Scored) => {
    if (a.score !== b.score) return b.score - a.score
    for (const [field, order] of custom) {
      const [first, second] = [a.row[field!], b.row[field!]] as [never, never]
      if (first === second) continue
      return (first < second ? -1 : 1) * (order === 'asc' ? 1 : -1)
    }
    return 0
  }
}

function facetsOf(rows: readonly Row[], facets: readonly string[]) {
  const counted = facets.map((facet) => {
    const counts: Record<string, number> = {}
    for (const row of rows) counts[String(row[facet])] = (counts[String(row[facet])] ?? 0) + 1
    return [facet, counts]
  })
  return Object.fromEntries(counted)
}

type Test = (row: Row) => boolean

/** `or` of `and` of comparisons and brackets; strings compare without regard to case. */
function parseFilter(text: string, allowed: ReadonlySet<string>): Test {
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[()[\],]|[<>]=?|=|[\p{L}\p{N}_.-]+|\S/gu) ?? []
  let at = 0
  const test = any()
  if (at < tokens.length) throw new Refused('invalid_search_filter')
  return test

  function any(): Test {
    const tests = [all()]
    while (tokens[at] === 'OR') {
      at++
      tests.push(all())
    }
    return (row) => tests.some((passes) => passes(row))
  }

  function all(): Test {
    const tests = [one()]
    while (tokens[at] === 'AND') {
      at++
      tests.push(one())
    }
    return (row) => tests.every((passes) => passes(row))
  }

  function one(): Test {
    if (tokens[at] !== '(') return comparison()
    at++
    const inner = any()
    take(')')
    return inner
  }

  function comparison(): Test {
    const field = tokens[at++] ?? ''
    if (!allowed.has(field)) throw new Refused('invalid_search_filter')
    const operator = tokens[at++]
    if (operator === 'IN') return isIn(field)
    const wanted = value()
    return (row) => [row[field]].flat().some((own) => compares(own, operator, wanted))
  }

  function isIn(field: string): Test {
    take('[')
    const wanted = new Set<string>()
    while (tokens[at] !== ']') {
      wanted.add(value())
      if (tokens[at] === ',') at++
    }
    take(']')
    return (row) => wanted.has(String(row[field]).toLowerCase())
  }

  function value(): string {
    const token = tokens[at++] ?? ''
    if (!/^["\p{L}\p{N}_.-]/u.test(token)) throw new Refused('invalid_search_filter')
    const bare = token.startsWith('"') ? token.slice(1, -1).replaceAll('\\"', '"') : token
    return bare.toLowerCase()
  }

  function take(token: string): void {
    if (tokens[at++] !== token) throw new Refused('invalid_search_filter')
  }
}

function compares(own: unknown, operator: string | undefined, wanted: string): boolean {
  if (own === null || own === undefined) return false
  const isNumber = typeof own === 'number'
  if (isNumber && Number.isNaN(Number(wanted))) return false
  const [a, b] = isNumber ? [own, Number(wanted)] : [String(own).toLowerCase(), wanted]
  if (operator === '=') return a === b
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  if (operator === '>') return a > b
  if (operator === '>=') return a >= b
  throw new Refused('invalid_search_filter')
}

function distance(from: string, to: string): number {
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...to].entries()) {
      const edits = Math.min(last[column + 1]!, current[column]!) + 1
      current.push(Math.min(edits, last[column]! + (letter === other ? 0 : 1)))
    }
    last = current
  }
  return last[to.length]!
}

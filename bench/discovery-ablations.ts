/**
 * The choices of the ranking, each changed by itself, as edits of the engine's source. The weights
 * are not learned again, so that what stands in for another thing may show as little.
 */
import type { Signals } from '../src/search/signals.js'

/** `find` stands in `file` once, and becomes `put`. */
export type Edit = { file: string; find: string; put: string }

export type Ablation = {
  name: string
  edits: readonly Edit[]
  /** It changes what is stored of the catalogue, not only what a request makes of that. */
  changesIndex?: true
}

export const ABLATIONS: readonly Ablation[] = [
  { name: 'as it is', edits: [] },
  {
    name: 'all fields weigh 1',
    edits: [edit('reading', 'const each = weight / (1', 'const each = 1 / (1')],
    changesIndex: true,
  },
  {
    name: 'identifiers stay whole',
    edits: [
      edit('words', "(/(\\p{Ll}|\\p{N})(\\p{Lu})/gu, '$1 $2')", "('', '')"),
      edit('words', "(/(\\p{Lu})(\\p{Lu}\\p{Ll}\\p{Ll})/gu, '$1 $2')", "('', '')"),
      edit('words', '.split(/[\\s_-]+/)', ".split(' ')"),
    ],
    changesIndex: true,
  },
  {
    name: 'no stop words',
    edits: [edit('words', 'return !STOP_WORDS.has(word)', 'return true')],
    changesIndex: true,
  },
  {
    name: 'no stems',
    edits: [
      edit(
        'stem',
        'return INFLECTED.test(word) ? withoutEnding(singular(word)) : word',
        'return word',
      ),
    ],
    changesIndex: true,
  },
  {
    name: 'every word must match',
    edits: [
      edit(
        'ranking',
        'lookUp(ask, found))',
        `lookUp(ask, found).filter(({ clauses }) =>
          clauses.every(({ matched }, clause) => matched > 0.999 * ask.clauses[clause]!.total)))`,
      ),
    ],
  },
  { name: 'how many words match counts for nothing', edits: [without('clauseMatched')] },
  {
    name: 'no short forms and meanings',
    edits: [edit('words', 'return MEANT.get(stem) ?? []', 'return []')],
  },
  {
    name: 'no names written as several words',
    edits: [edit('query-terms', 'of namesIn(index, query))', 'of namesIn(index, ""))')],
  },
  {
    name: 'unknown words not corrected',
    edits: [edit('query-terms', 'const MAX_CORRECTED = 4', 'const MAX_CORRECTED = 0')],
  },
  {
    name: 'a request is one clause',
    edits: [edit('clauses', 'const MAX_CLAUSES = 8', 'const MAX_CLAUSES = 1')],
  },
  {
    name: 'listings not scored',
    edits: [
      edit('candidates', 'const LISTING_SHARE = 0.15', 'const LISTING_SHARE = 0'),
      edit('signals', 'const LISTING_IN_CLAUSE = 0.3', 'const LISTING_IN_CLAUSE = 0'),
      without('listing'),
    ],
  },
  {
    name: 'first look only',
    edits: [
      edit(
        'ranking',
        'scoreOf(signals, WEIGHTS) + quality + lesson',
        '-found.documents.indexOf(document)',
      ),
      edit('variety', 'const WINDOW = 40', 'const WINDOW = 0'),
    ],
  },
  { name: 'without titles', edits: [without('title', 'titleByClause')] },
  {
    name: 'without providers and descriptions',
    edits: [without('provider', 'description')],
  },
  { name: 'without methods', edits: [without('method')] },
  { name: "without the listing's other hits", edits: [without('listingHits')] },
  {
    name: 'without the signals of clauses',
    edits: [without('clauseText', 'otherClause', 'clauseShare', 'clauseMatched')],
  },
  {
    name: 'no variety',
    edits: [edit('variety', 'const WINDOW = 40', 'const WINDOW = 0')],
  },
  {
    name: 'quality at random, -1 to 1',
    edits: [
      edit(
        'documents',
        'import { createNames,',
        "import { crc32 } from 'node:zlib'\nimport { createNames,",
      ),
      edit(
        'documents',
        'qualityOf: (document) => quality[document]!,',
        'qualityOf: (document) => crc32(ids[document]!) / 2 ** 31 - 1,',
      ),
    ],
  },
]

/** An edit of a file of the search. */
function edit(name: string, find: string, put: string): Edit {
  return { file: `src/search/${name}.ts`, find, put }
}

/** These signals count for nothing. */
function without(...names: (keyof Signals)[]): Edit {
  const sum = 'score += weights[name] * signals[name]'
  return edit('signals', sum, `if (!${JSON.stringify(names)}.includes(name)) ${sum}`)
}

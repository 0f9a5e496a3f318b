/**
 * How text becomes words, for what is stored and what is asked alike. Identifiers come apart and
 * also stay whole: `listReposForOrg` gives list, repos, for, org and listreposfororg. Stemming is
 * left to the index.
 */
import { lightStem } from './stem.js'

/** A query is read this far. More words cost time and hardly change what comes first. */
const MAX_QUERY_CHARACTERS = 1_000
const MAX_QUERY_WORDS = 64
/** Longer runs are data, not words. */
const MAX_WORD_LENGTH = 64

/** Words that say nothing about what is wanted, the phrases of agents among them. */
const STOP_WORDS = new Set(
  `a about above after all also am an and any anyone anything api apis are as ask at available be
  because been before being below between both but by call calls can cannot could did do does doing
  done each either endpoint endpoints etc every everything example few for from function further get
  gets getting give gives given go going got had has have having he help helps her here him his how i
  if in into is it its just kind know let lets like ll look looking made make makes many may me might
  more most much must my need needed needs no nor not now of off on once one only or other our out
  over own per perform please provide provided provides re retrieve return returns same see service
  shall she should show so some something such tell than thank thanks that the their them then there
  these they thing things this those through to too tool tools under until up use used useful
  uses using ve very via want wanted wants was way we well were what whatever when where whether which
  while who whom whose why will wish with within without would yes you your find fetch`.split(
    /\s+/,
  ),
)

/** Letters that no decomposition turns into ASCII. */
const FOLDED: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ı: 'i' }

/** All words of `text` in order, lower-case and ASCII-folded; identifiers apart and whole. */
export function wordsOf(text: string): string[] {
  return identifiersIn(text).flatMap((parts) =>
    parts.length > 1 ? [...parts, ...[parts.join('')].filter(isWord)] : parts,
  )
}

/** The telling words of a text in order, identifiers taken apart, each word by its stem. */
export function stemsOf(text: string): string[] {
  return partsOf(text).filter(isTelling).map(stemOf)
}

/** All words of a text in order, identifiers taken apart. */
export function partsOf(text: string): string[] {
  return identifiersIn(text).flat()
}

/** The identifiers of a text that have several parts, whole. */
export function wholesOf(text: string): string[] {
  return identifiersIn(text)
    .filter((parts) => parts.length > 1)
    .map((parts) => parts.join(''))
    .filter(isWord)
}

/** Whether a word says something about what is wanted. */
export function isTelling(word: string): boolean {
  return !STOP_WORDS.has(word)
}

/** What inflected forms of a word have in common; words of other scripts stay as they are. */
export function stemOf(word: string): string {
  const known = stems.get(word)
  if (known !== undefined) return known
  const stem = lightStem(word)
  if (stems.size >= MAX_STEMS) stems.clear()
  stems.set(word, stem)
  return stem
}

/** Stems that are remembered: a catalogue says the same words again and again. */
const MAX_STEMS = 50_000
const stems = new Map<string, string>()

/** The part of a query that is read. */
export function readPart(query: string): string {
  return query.slice(0, MAX_QUERY_CHARACTERS)
}

/** The distinct words that a query is about, at most 64; none where it is only glue. */
export function queryWords(query: string): string[] {
  const words = [...new Set(wordsOf(readPart(query)))]
  return words.filter(isTelling).slice(0, MAX_QUERY_WORDS)
}

/** Short forms of identifiers and the words that descriptions use instead; each finds the other. */
const SHORT_FORMS = {
  acct: 'account',
  addr: 'address',
  admin: 'administrator',
  app: 'application',
  attr: 'attribute',
  auth: 'authentication',
  cert: 'certificate',
  config: 'configuration',
  crypto: 'cryptocurrency',
  db: 'database',
  dept: 'department',
  dir: 'directory',
  doc: 'document',
  env: 'environment',
  geo: 'geographic',
  img: 'image',
  info: 'information',
  lang: 'language',
  loc: 'location',
  msg: 'message',
  org: 'organization',
  perf: 'performance',
  photo: 'picture',
  repo: 'repository',
  spec: 'specification',
  stats: 'statistics',
  temp: 'temperature',
  txn: 'transaction',
  vuln: 'vulnerability',
  zip: 'postal',
}

/** What everyday words mean in the words of API descriptions. */
const MEANINGS = {
  'bitcoin ethereum': 'cryptocurrency crypto',
  'city town village': 'place',
  'dollar euro yen franc usd eur gbp jpy chf': 'currency exchange',
  'currency money': 'currency exchange',
  movie: 'film',
  film: 'movie',
  organisation: 'organization',
  organization: 'organisation',
  'paper preprint article': 'paper preprint article',
  'photo picture image': 'photo picture image',
  'rain sunny': 'weather',
  'stock share': 'ticker quote',
  'tomorrow tonight weekend': 'forecast',
  past: 'historical history',
  postcode: 'postal',
}

const MEANT = meantStemsByStem()

/** Stems that one of a query probably stands for. */
export function meantStems(stem: string): readonly string[] {
  return MEANT.get(stem) ?? []
}

function meantStemsByStem(): Map<string, string[]> {
  const pairs = [
    ...Object.entries(SHORT_FORMS).flatMap(([short, long]) => [
      [short, long],
      [long, short],
    ]),
    ...Object.entries(MEANINGS).flatMap(([said, meant]) =>
      said.split(' ').flatMap((word) => meant.split(' ').map((other) => [word, other])),
    ),
  ].map((pair) => pair.map(stemOf))
  const byStem = new Map<string, string[]>()
  for (const [said = '', meant = ''] of pairs) {
    const known = byStem.get(said) ?? []
    if (said !== meant && !known.includes(meant)) byStem.set(said, [...known, meant])
  }
  return byStem
}

/**
 * How many single edits (a letter more, less, other, or two neighbours swapped) turn one word into
 * the other; `most + 1` where it takes more than `most`.
 */
export function editDistance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return most + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1]
      const edits = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      )
      current.push(swapped ? Math.min(edits, beforeLast[column - 2]! + 1) : edits)
    }
    if (Math.min(...current) > most) return most + 1
    beforeLast = last
    last = current
  }
  return Math.min(last[to.length]!, most + 1)
}

/** Text without accents and ligatures, in the case that it came in. */
function fold(text: string): string {
  if (/^[\x20-\x7e\s]*$/.test(text)) return text
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæœøłđı]/giu, (letter) => FOLDED[letter.toLowerCase()] ?? letter)
}

/** Each run of letters, digits, hyphens and underscores as the parts that it is made of. */
function identifiersIn(text: string): string[][] {
  return (fold(text).match(/[\p{L}\p{N}_-]+/gu) ?? []).map((run) =>
    run
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
      .replace(/(\p{Lu})(\p{Lu}\p{Ll}\p{Ll})/gu, '$1 $2')
      .toLowerCase()
      .split(/[\s_-]+/)
      .filter(isWord),
  )
}

function isWord(word: string): boolean {
  return word.length <= MAX_WORD_LENGTH && !/^[a-z]?$/.test(word)
}

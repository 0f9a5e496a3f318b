/**
 * How text becomes words, for what is stored and what is asked alike. Identifiers come apart and
 * also stay whole: `listReposForOrg` gives list, repos, for, org and listreposfororg. Stemming is
 * left to the index.
 */
import { stemmer } from 'stemmer'

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

/** What everyday words and short forms mean in the words of API descriptions. */
const MEANINGS = new Map(
  Object.entries({
    'repo repos': 'repository',
    'org orgs organization organizations': 'organisation organization',
    'dollar dollars euro euros yen franc francs usd eur gbp jpy chf': 'currency exchange',
    'currency currencies money': 'currency exchange',
    'tomorrow tonight weekend': 'forecast',
    'rain sunny': 'weather',
    'city town village': 'place',
    'stock stocks share shares': 'ticker quote',
    'photo photos picture pictures image images': 'photo picture image',
    'paper papers preprint preprints article articles': 'paper preprint article',
    'movie movies film films': 'movie film',
    'bitcoin ethereum crypto': 'cryptocurrency',
    'zip postcode': 'postal',
  }).flatMap(([said, meant]) => said.split(' ').map((word) => [word, meant.split(' ')] as const)),
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
  return identifiersIn(text).flat().filter(isTelling).map(stemOf)
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
  const stem = /^[a-z]+$/.test(word) ? stemmer(word) : word
  if (stems.size >= MAX_STEMS) stems.clear()
  stems.set(word, stem)
  return stem
}

/** Stems that are remembered: a catalogue says the same words again and again. */
const MAX_STEMS = 50_000
const stems = new Map<string, string>()

/** The distinct words that a query is about, at most 64; none where it is only glue. */
export function queryWords(query: string): string[] {
  const words = [...new Set(wordsOf(query.slice(0, MAX_QUERY_CHARACTERS)))]
  return words.filter(isTelling).slice(0, MAX_QUERY_WORDS)
}

/** Words that those of a query probably stand for, none of its own among them. */
export function meantWords(words: readonly string[]): string[] {
  const meant = words.flatMap((word) => MEANINGS.get(word) ?? [])
  return [...new Set(meant)].filter((word) => !words.includes(word))
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

/**
 * What inflected forms of an English word have in common: plurals, -ed and -ing. It leaves nouns and
 * verbs of one root apart (organ, organize, organization), which costs nothing and keeps "booking"
 * and "book", "news" and "new" two things. Measured against Porter's stemmer, which joins them, in
 * docs/discovery.md.
 */

/** Other words lose nothing: numbers, short words, words of other scripts. */
const INFLECTED = /^[a-z]{4,}$/

/** Look like plurals. */
const NO_PLURALS = new Set([
  'news',
  'address',
  'status',
  'always',
  'series',
  'species',
  'sms',
  'dns',
])

export function lightStem(word: string): string {
  return INFLECTED.test(word) ? withoutEnding(singular(word)) : word
}

function singular(word: string): string {
  if (NO_PLURALS.has(word)) return word
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (/(ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2)
  return /[^su]s$/.test(word) ? word.slice(0, -1) : word
}

function withoutEnding(word: string): string {
  if (word.length > 5 && /[aeiouy].*ing$/.test(word)) return undoubled(word.slice(0, -3))
  if (word.length > 4 && /[aeiouy].*ed$/.test(word)) return undoubled(word.slice(0, -2))
  return word.length > 4 && word.endsWith('e') ? word.slice(0, -1) : word
}

/** "planned" and "plan". */
function undoubled(stem: string): string {
  return /([bdfgmnprt])\1$/.test(stem) ? stem.slice(0, -1) : stem
}

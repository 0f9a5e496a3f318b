/** Words a minute that adults read silently in English, the mean of Brysbaert (2019). */
const READING_WORDS_PER_MIN = 238
const MOST_COMMON = 10

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu
const HAS_WORD = /[\p{L}\p{M}\p{N}]/u
const SENTENCE_END = /[.!?…。！？]+["'”’)\]]*/gu

/** `flesch_reading_ease` is null without words; it is meant for English. */
export type TextStats = {
  characters: number
  words: number
  sentences: number
  paragraphs: number
  reading_time_s: number
  flesch_reading_ease: number | null
  most_common_words: { word: string; count: number }[]
  usage: { words: number }
}

/** Counts a text. Characters are Unicode code points; a word keeps its hyphens and apostrophes. */
export function textStats(text: string): TextStats {
  const counts = wordCounts(text)
  const words = sum(counts.values())
  const sentences = sentencesIn(text)
  return {
    characters: charactersIn(text),
    words,
    sentences,
    paragraphs: text.split(/\n\s*\n/).filter((block) => HAS_WORD.test(block)).length,
    reading_time_s: Math.ceil((words * 60) / READING_WORDS_PER_MIN),
    flesch_reading_ease: words === 0 ? null : readingEase(counts, words, sentences),
    most_common_words: mostCommon(counts),
    usage: { words },
  }
}

function wordCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [match] of text.matchAll(WORD)) {
    const word = match.toLowerCase()
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

function charactersIn(text: string): number {
  let characters = 0
  for (const _ of text) characters++
  return characters
}

/** Stretches that hold a word and end with a stop before white space, or with the text. */
function sentencesIn(text: string): number {
  let sentences = 0
  let start = 0
  const close = (end: number) => {
    if (HAS_WORD.test(text.slice(start, end))) sentences++
    start = end
  }
  for (const match of text.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length
    const standsAlone = /[。！？]/.test(match[0]) || !/\S/.test(text.charAt(end))
    if (standsAlone) close(end)
  }
  close(text.length)
  return sentences
}

/** Flesch (1948), to one decimal. */
function readingEase(counts: Map<string, number>, words: number, sentences: number): number {
  const syllables = sum([...counts].map(([word, count]) => syllablesIn(word) * count))
  const score = 206.835 - 1.015 * (words / sentences) - 84.6 * (syllables / words)
  return Math.round(score * 10) / 10
}

/** A word's vowel groups, without a silent e at its end: right for most English words. */
function syllablesIn(word: string): number {
  const spoken = word.replace(/(?<=[^aeiouy][^aeiouyl]|[aeiouy][^aeiouy])e$/, '')
  return spoken.match(/[aeiouy]+/g)?.length ?? 1
}

/** The most frequent first, equally frequent ones by the alphabet. */
function mostCommon(counts: Map<string, number>): { word: string; count: number }[] {
  return [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, MOST_COMMON)
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

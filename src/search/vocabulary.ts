/** The words of the index, and which of them somebody may have meant. */
import { createNames, type Names, withRoom } from './columns.js'
import { editDistance } from './words.js'

/** Words that are shorter are not corrected: too many others are one letter away. */
const SHORTEST_CORRECTED = 5
/** From this length on two edits are a misspelling, below it only one. */
const LONG_WORD = 8

export type Vocabulary = Names & {
  /** Numbers of the words that are nearest to `word` by spelling, at most `most`. */
  similarTo(word: string, most: number): number[]
  /** Numbers of words that begin with `beginning`, the shortest first, at most `most`. */
  beginningWith(beginning: string, most: number): number[]
}

export function createVocabulary(words: string[] = []): Vocabulary {
  const names = createNames(words)
  /** Which letters a word has, one bit each: most words are told apart without counting edits. */
  let letters = new Uint32Array(0)
  let known = 0

  return { ...names, similarTo, beginningWith }

  function similarTo(word: string, most: number): number[] {
    if (word.length < SHORTEST_CORRECTED || !/^[a-z]+$/.test(word)) return []
    const mostEdits = word.length < LONG_WORD ? 1 : 2
    const found: { number: number; edits: number }[] = []
    for (const number of candidates(word, mostEdits)) {
      const edits = editDistance(word, names.list[number]!, mostEdits)
      if (edits <= mostEdits) found.push({ number, edits })
    }
    const fewest = Math.min(...found.map(({ edits }) => edits))
    return found
      .filter(({ edits }) => edits === fewest)
      .slice(0, most)
      .map(({ number }) => number)
  }

  /** People rarely get the first letter wrong, so it must be the same. */
  function* candidates(word: string, mostEdits: number): Generator<number> {
    readLetters()
    const wanted = lettersOf(word)
    for (const [number, other] of names.list.entries()) {
      if (other[0] !== word[0] || Math.abs(other.length - word.length) > mostEdits) continue
      // An edit takes a letter away and brings another one at most.
      if (bitsIn(letters[number]! ^ wanted) <= 2 * mostEdits) yield number
    }
  }

  function readLetters(): void {
    letters = withRoom(letters, names.list.length)
    for (; known < names.list.length; known++) letters[known] = lettersOf(names.list[known]!)
  }

  function beginningWith(beginning: string, most: number): number[] {
    const found: number[] = []
    for (const [number, word] of names.list.entries()) {
      if (word.startsWith(beginning)) found.push(number)
    }
    return found
      .sort((a, b) => names.list[a]!.length - names.list[b]!.length || a - b)
      .slice(0, most)
  }
}

function lettersOf(word: string): number {
  let letters = 0
  for (let at = 0; at < word.length; at++) letters |= 1 << (word.charCodeAt(at) & 31)
  return letters >>> 0
}

function bitsIn(number: number): number {
  let bits = 0
  for (let left = number >>> 0; left !== 0; left &= left - 1) bits++
  return bits
}

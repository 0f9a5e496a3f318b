/** The words of the index, and which of them somebody may have meant. */
import { createNames, type Names, withRoom } from './columns.js'
import { editDistance } from './words.js'

/** Words that are shorter are not corrected: too many others are one letter away. */
const SHORTEST_CORRECTED = 5
/** From this length on two edits are a misspelling, below it only one. */
const LONG_WORD = 8
/** Letters by which words are looked up that begin alike; beginnings must have as many. */
const INITIALS = 3

export type Vocabulary = Names & {
  /** Numbers of the words that are nearest to `word` by spelling, of those that are there. */
  similarTo(word: string, isThere: (word: number) => boolean): number[]
  /** Numbers of words that begin with `beginning` and are there, the shortest first. */
  beginningWith(beginning: string, isThere: (word: number) => boolean): number[]
}

export function createVocabulary(words: string[] = []): Vocabulary {
  const names = createNames(words)
  /** Words by their first letter and their length: nobody gets the first letter wrong. */
  const byLength = new Map<string, number[]>()
  const byBeginning = new Map<string, number[]>()
  /** Which letters a word has, one bit each: most words are told apart without counting edits. */
  let letters = new Uint32Array(0)
  let read = 0

  return { ...names, similarTo, beginningWith }

  function similarTo(word: string, isThere: (word: number) => boolean): number[] {
    if (word.length < SHORTEST_CORRECTED || !/^[a-z]+$/.test(word)) return []
    readNew()
    const mostEdits = word.length < LONG_WORD ? 1 : 2
    const wanted = lettersOf(word)
    const found: { number: number; edits: number }[] = []
    for (let length = word.length - mostEdits; length <= word.length + mostEdits; length++) {
      for (const number of byLength.get(word[0]! + length) ?? []) {
        // An edit takes a letter away and brings another one at most.
        if (bitsIn(letters[number]! ^ wanted) > 2 * mostEdits) continue
        const edits = editDistance(word, names.list[number]!, mostEdits)
        if (edits <= mostEdits && isThere(number)) found.push({ number, edits })
      }
    }
    const fewest = Math.min(...found.map(({ edits }) => edits))
    return found.filter(({ edits }) => edits === fewest).map(({ number }) => number)
  }

  function beginningWith(beginning: string, isThere: (word: number) => boolean): number[] {
    readNew()
    return (byBeginning.get(beginning.slice(0, INITIALS)) ?? [])
      .filter((number) => names.list[number]!.startsWith(beginning) && isThere(number))
      .sort((a, b) => names.list[a]!.length - names.list[b]!.length || a - b)
  }

  function readNew(): void {
    letters = withRoom(letters, names.list.length)
    for (; read < names.list.length; read++) {
      const word = names.list[read]!
      letters[read] = lettersOf(word)
      addTo(byLength, word[0]! + word.length, read)
      addTo(byBeginning, word.slice(0, INITIALS), read)
    }
  }
}

function addTo(lists: Map<string, number[]>, key: string, number: number): void {
  const list = lists.get(key)
  if (list) list.push(number)
  else lists.set(key, [number])
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

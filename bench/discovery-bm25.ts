/**
 * BM25 in memory, over one field or several (BM25F): a document's score is the sum, over the query's
 * words, of their rarity times how strongly each stands in the document. Any word may match.
 */
import { type OpenContender, RESULTS } from './discovery-contender.js'
import type { Row } from './discovery-rows.js'
import { FIELDS, textsOf, wholeTextOf } from './discovery-texts.js'
import { rawWords, tunedWords } from './discovery-words.js'

/** How soon a word that occurs often stops counting more. */
const K1 = 1.2
/** How much long texts are held against their words. */
const B = 0.75

type Field = { weight: number; textOf(row: Row): string }
type WordsOf = (text: string) => string[]

/** One field with all the text, words as they are. */
export const openBm25: OpenContender = (rows) =>
  open(rows, [{ weight: 1, textOf: wholeTextOf }], rawWords)

/** Eight weighted fields, identifiers taken apart, stop words left out, stems. */
export const openBm25f: OpenContender = (rows) => {
  const weights = [2, 2, 0.7, 1.5, 1, 0.5, 0.3, 0.2]
  const fields = FIELDS.map((name, i) => ({
    weight: weights[i]!,
    textOf: (row: Row) => textsOf(row)[name],
  }))
  return open(rows, fields, tunedWords)
}

function open(rows: readonly Row[], fields: readonly Field[], wordsOf: WordsOf) {
  const ids = rows.map(({ id }) => id)
  const index = indexOf(rows, fields, wordsOf)
  const scores = new Float64Array(ids.length)
  return {
    find(query: string): string[] {
      for (const word of new Set(wordsOf(query))) {
        const postings = index.get(word)
        if (!postings) continue
        const count = postings.documents.length
        const rarity = Math.log(1 + (ids.length - count + 0.5) / (count + 0.5))
        for (let at = 0; at < count; at++) {
          scores[postings.documents[at]!]! += rarity * postings.strengths[at]!
        }
      }
      const best = bestOf(scores)
      scores.fill(0)
      return best.map((document) => ids[document]!)
    },
  }
}

type Postings = { documents: Uint32Array; strengths: Float32Array }

function indexOf(rows: readonly Row[], fields: readonly Field[], wordsOf: WordsOf) {
  const usualLengths = fields.map(() => 0)
  // Words by document, each with how often it stands in which field; freed word by word below.
  const found = new Map<string, number[]>()
  const lengths = rows.map((row, document) =>
    fields.map(({ textOf }, field) => {
      const words = wordsOf(textOf(row))
      for (const word of words) {
        const places = found.get(word)
        if (places) places.push(document * fields.length + field)
        else found.set(word, [document * fields.length + field])
      }
      usualLengths[field]! += words.length / rows.length
      return words.length
    }),
  )
  const shareOf = (place: number) => {
    const field = place % fields.length
    const length = lengths[Math.floor(place / fields.length)]![field]!
    return fields[field]!.weight / (1 - B + (B * length) / usualLengths[field]!)
  }
  const index = new Map<string, Postings>()
  for (const [word, places] of found) {
    index.set(word, postingsOf(places, fields.length, shareOf))
    found.delete(word)
  }
  return index
}

function postingsOf(
  places: readonly number[],
  fieldCount: number,
  shareOf: (place: number) => number,
): Postings {
  const weights = new Map<number, number>()
  for (const place of places) {
    const document = Math.floor(place / fieldCount)
    weights.set(document, (weights.get(document) ?? 0) + shareOf(place))
  }
  return {
    documents: Uint32Array.from(weights.keys()),
    strengths: Float32Array.from(weights.values(), (weight) => (weight * (K1 + 1)) / (weight + K1)),
  }
}

/** The documents with the highest scores above zero, the earlier first where they are equal. */
function bestOf(scores: Float64Array): number[] {
  const best: number[] = []
  for (let document = 0; document < scores.length; document++) {
    const score = scores[document]!
    if (score === 0) continue
    if (best.length === RESULTS && score <= scores[best.at(-1)!]!) continue
    let place = best.length
    while (place > 0 && score > scores[best[place - 1]!]!) place--
    best.splice(place, 0, document)
    if (best.length > RESULTS) best.pop()
  }
  return best
}

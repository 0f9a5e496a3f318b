/** What a document says: its words field by field, and how strongly each stands for it. */
import type { SearchDocument } from './search.js'
import { stemOf, stemsOf, wholesOf } from './words.js'

/** Words in order, by their stems. */
export type Reading = {
  title: string[]
  description: string[]
  path: string[]
  /** What it is filed under. */
  subject: string[]
  /** Each word of the document with its strength, between 0 and 1. */
  strengths: Map<string, number>
}

type Field = {
  words: readonly string[]
  /** How much a word counts here. */
  weight: number
  /** How much of its weight a word loses in a long text, 0 to 1. */
  lengthNorm: number
  /** Words of such a text on the average, over a large directory of public APIs. */
  usualLength: number
}

/** How soon a word that occurs often stops counting more. */
const SATURATION = 1.6
/** Words of a field that are read: the rest costs more than it tells. */
const MAX_WORDS = 300
/** Characters of a listing's description that are read. */
const MAX_LISTING_TEXT = 1_500

export function readDocument(document: SearchDocument): Reading {
  const { endpointId, title, description, path, tags, category, parameters } = document
  const slug = endpointId.slice(endpointId.indexOf('.') + 1)
  const read = (text: string) => stemsOf(text).slice(0, MAX_WORDS)
  const said = {
    slug: read(slug),
    title: read(title),
    path: read(path),
    description: read(description),
    subject: read([...tags, category].join(' ')),
  }
  const names = read(parameters.map(({ name }) => name).join(' '))
  const texts = read(parameters.map((parameter) => parameter.description).join(' '))
  const strengths = strengthsOf([
    { words: said.title, weight: 2, lengthNorm: 0.95, usualLength: 3 },
    { words: said.slug, weight: 1.2, lengthNorm: 0.75, usualLength: 4 },
    { words: providerOf(document), weight: 1.5, lengthNorm: 0.75, usualLength: 6 },
    { words: said.description, weight: 1, lengthNorm: 0.95, usualLength: 10 },
    { words: said.path, weight: 0.42, lengthNorm: 0.75, usualLength: 7 },
    { words: said.subject, weight: 0.3, lengthNorm: 0.95, usualLength: 2.6 },
    { words: names, weight: 0.3, lengthNorm: 0.75, usualLength: 12.5 },
    { words: texts, weight: 0.2, lengthNorm: 0.75, usualLength: 25 },
    {
      words: wholesOf(`${slug} ${path}`).map(stemOf),
      weight: 0.3,
      lengthNorm: 0.75,
      usualLength: 3.7,
    },
  ])
  return { ...said, title: [...said.slug, ...said.title], strengths }
}

/** What the listing of a document says of itself. */
export function readListing(document: SearchDocument) {
  return {
    provider: providerOf(document),
    description: stemsOf(document.listingDescription.slice(0, MAX_LISTING_TEXT)),
    category: stemsOf(document.category),
  }
}

/** The listing by its name and its slug, and the domain that it is called at. */
function providerOf({ endpointId, listingTitle, host }: SearchDocument): string[] {
  const domain = host.split('.').slice(0, -1).join(' ')
  const name = `${endpointId.split('.')[0]} ${domain} ${listingTitle}`
  return [...stemsOf(name), ...wholesOf(listingTitle).map(stemOf)].slice(0, MAX_WORDS)
}

/** BM25F without the rarity of the word, which changes with the catalogue. */
function strengthsOf(fields: readonly Field[]): Map<string, number> {
  const weights = new Map<string, number>()
  for (const { words, weight, lengthNorm, usualLength } of fields) {
    const each = weight / (1 - lengthNorm + (lengthNorm * words.length) / usualLength)
    for (const word of words) weights.set(word, (weights.get(word) ?? 0) + each)
  }
  for (const [word, weight] of weights) weights.set(word, weight / (weight + SATURATION))
  return weights
}

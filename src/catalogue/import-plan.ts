/** What an import changes of an endpoint, and how it leaves alone what its seller changed. Pure. */
import { canonicalJson } from '#core/canonical-json'
import type { PriceTerms } from '#pricing'
import type { EndpointDefinition } from './listing.js'
import type { TextReading } from './text-reading.js'
import type { StoredEndpoint, Writing } from './versions.js'

/** What the last import wrote, kept with the listing. */
export type ImportRecord = {
  /** Names document and request; `null` until all of an import is stored. */
  hash: string | null
  title: string
  description: string
  category: string
  price: PriceTerms
  /** Operations that were refused. */
  refused: number
}

export type Change = 'created' | 'changed' | 'restored' | 'unchanged'

/**
 * What importing `text` as the endpoint `slug` changes. The price stays where it is another one than
 * the last import's: its seller set it. So does an endpoint that its seller retired.
 *
 * @param text canonical JSON of the definition, with the price of this import.
 * @param lastPrice of the last import; `undefined` before the first.
 */
export function planEndpoint(
  { slug, text, reading }: { slug: string; text: string; reading: TextReading },
  stored: StoredEndpoint | undefined,
  lastPrice: PriceTerms | undefined,
): { change: Change; writing: Writing | undefined } {
  const writing = { slug, reading, status: 'active', importState: 'listed' } as const
  if (!stored) return { change: 'created', writing: { ...writing, text, version: 1 } }
  const { status, importState, version } = stored
  const isRestored = importState === 'vanished'
  if (status === 'retired' && !isRestored) return { change: 'unchanged', writing: undefined }
  const merged = stored.text === text ? text : keepOwn(stored.text, text, lastPrice)
  if (merged !== stored.text) {
    const change = isRestored ? 'restored' : 'changed'
    return { change, writing: { ...writing, text: merged, version: version + 1 } }
  }
  const isAsBefore = importState === 'listed'
  return {
    change: isRestored ? 'restored' : 'unchanged',
    writing: isAsBefore ? undefined : { ...writing, text: undefined, version },
  }
}

/** The imported definition, with what no document says as the seller has it. */
function keepOwn(storedText: string, text: string, lastPrice: PriceTerms | undefined): string {
  const stored = JSON.parse(storedText) as EndpointDefinition
  const imported = JSON.parse(text) as EndpointDefinition
  const isOwnPrice = canonicalJson(stored.price) !== canonicalJson(lastPrice ?? null)
  return canonicalJson({
    ...imported,
    price: isOwnPrice ? stored.price : imported.price,
    success: stored.success,
    requires_approval: stored.requires_approval,
  })
}

/** What is kept of a listing's field: the imported value, unless its seller changed the last one. */
export function keepChanged(current: string, last: string, imported: string): string {
  return current === last ? imported : current
}

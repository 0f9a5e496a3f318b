/** What a server was last found to offer; kept beside it, for every gateway to show. */
import type { Id } from '#core/ids'
import type { PriceTerms } from '#pricing'

export type RefusedTool = {
  /** As the server names it. */
  name: string
  reason: string
  /** Of the definition that was refused: it is not tried again while it stays. */
  hash?: string
}

export type Discovery = {
  /** When its tools were last listed, ms; `null` when they never were. */
  at: number | null
  /** Of what is sold of it, by the names that its tools have there. */
  endpoints: Record<string, string>
  listing_id: Id<'listing'> | null
  /** Whether that listing was put on sale and not taken off since. */
  is_on_sale: boolean
  /** Why the last try failed, while it did. */
  error: string | null
  refused: RefusedTool[]
  /** The defaults that its tools were last sold with: what differs from them was set by hand. */
  applied: { price: PriceTerms; requires_approval: boolean } | null
  /** It said last that it has no tools, which is believed only when it says so again. */
  listed_none: boolean
}

export const UNDISCOVERED: Discovery = {
  at: null,
  endpoints: {},
  listing_id: null,
  is_on_sale: false,
  error: null,
  refused: [],
  applied: null,
  listed_none: false,
}

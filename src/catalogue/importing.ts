/**
 * Imports a document: its operations become the endpoints of a listing, at the first time or again.
 * One document at a time is converted, in a thread, and one is stored, in portions; a few more wait.
 */
import type { Along } from '#accounts'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { defined } from '#core/defined'
import type { Id } from '#core/ids'
import { parseInput } from '#core/parse-input'
import { Problem } from '#core/problem'
import { createTurnstile } from '#store'
import { checkCredential } from '#upstreams'
import { type Conversion, createConverter, type Drafted } from './converter.js'
import { createImportSeats } from './import-seats.js'
import { findImported, type ImportedListing } from './import-store.js'
import { type ImportRequest, importSchema, MAX_IMPORT_BYTES } from './import-wire.js'
import type { ListingDeps } from './listings.js'
import type { ReservedSlugs } from './reserved-slugs.js'
import { confirmImport, type ImportOutcome, storeDraft } from './store-draft.js'

/**
 * Raise it with each change of what an import makes of a document: those that did not change are
 * imported again then, once.
 */
const RULES = 1
const FETCH_TIMEOUT_MS = 15_000
const RETRY_AFTER_MS = 5_000

export type Importing = {
  /** To be taken before the body is read, and given back when all is done. */
  takeSeat(sellerId: string): () => void
  /**
   * @param body JSON as `importSchema` describes it, not parsed: it may be large. It is handed over to
   *   the thread, and must not be used again.
   * @param along written with the first thing that changes; an import that changes nothing is none.
   * @throws Problem `invalid_request` saying where the document is wrong, `slug_taken`, or `busy`
   *   when the gateway stops; what was imported by then stays, and is not done again.
   */
  importDocument(sellerId: Id<'account'>, body: Uint8Array, along?: Along): Promise<ImportOutcome>
  /** Ends what is on at the next portion. */
  close(): Promise<void>
}

type Deps = ListingDeps & { reserved: ReservedSlugs }

/** What came of the body, before anything is stored. */
type Prepared = { request: ImportRequest; fingerprint: string } & (
  | { known: ImportedListing; drafted: undefined }
  | { known: undefined; drafted: Drafted }
)

export function createImporting(deps: Deps): Importing {
  const converter = createConverter()
  const converting = createTurnstile()
  const storing = createTurnstile()
  let isClosing = false
  const goOn = () => {
    if (isClosing) throw stopping()
  }

  return {
    takeSeat: createImportSeats(),
    async importDocument(sellerId, body, along) {
      const once = { ...deps, along: along && onceOnly(along) }
      const conversion = converter.begin()
      try {
        goOn()
        const prepared = await prepare(deps, { sellerId, body, conversion, converting })
        return await storing.pass(() => {
          const { request, fingerprint, known, drafted } = prepared
          if (known) return confirmImport(once, known, request)
          const portions = conversion.portions()
          return storeDraft(once, { sellerId, request, fingerprint, drafted, portions, goOn })
        })
      } catch (error) {
        goOn()
        throw error
      } finally {
        conversion.forget()
      }
    },
    async close() {
      isClosing = true
      await converter.close()
      await storing.pass(async () => {})
    },
  }
}

/** An import that fails at its first change ends there, so it is not told of twice. */
function onceOnly(along: Along): Along {
  let isTold = false
  return async (tx, id, found) => {
    if (isTold) return
    isTold = true
    await along(tx, id, found)
  }
}

const requestSchema = importSchema.omit({ document: true })

async function prepare(
  deps: Deps,
  {
    sellerId,
    body,
    conversion,
    converting,
  }: {
    sellerId: string
    body: Uint8Array
    conversion: Conversion
    converting: ReturnType<typeof createTurnstile>
  },
): Promise<Prepared> {
  const convert = async (request: ImportRequest, hash: string, document?: Uint8Array) => {
    const { url, slug, title, price } = request
    const drafted = await conversion.convert(
      { listing: defined({ slug, title, base_url: url }), price },
      document,
    )
    return {
      request,
      fingerprint: fingerprintOf(request, hash || drafted.hash),
      drafted,
      known: undefined,
    }
  }
  const first = await converting.pass(async () => {
    const { request: given, hasDocument, hash } = await conversion.read(body)
    const request = parseInput(requestSchema, given, 'The body')
    if (hasDocument === (request.url !== undefined)) {
      throw new Problem('invalid_request', 'Send either document or url.')
    }
    if (request.credential) checkCredential(request.credential)
    if (!hasDocument) return request
    const fingerprint = fingerprintOf(request, hash)
    const known = await findImported(deps.store.db, sellerId, request)
    // Of what was imported without strict, something may have been refused.
    const isAsAsked = !request.strict || known?.record.refused === 0
    if (known?.record.hash === fingerprint && isAsAsked) {
      return { request, fingerprint, known, drafted: undefined }
    }
    return convert(request, hash)
  })
  if ('fingerprint' in first) return first
  // Waiting for somebody else's server must not keep others from the thread.
  const limits = { maxBytes: MAX_IMPORT_BYTES, timeoutMs: FETCH_TIMEOUT_MS }
  const document = await deps.upstreams.fetchDocument(first.url!, limits)
  return converting.pass(() => convert(first, '', document))
}

/** Names everything that an import's outcome follows from. */
function fingerprintOf({ title, category, price }: ImportRequest, documentHash: string): string {
  return sha256Hex(canonicalJson({ RULES, documentHash, title, category, price }))
}

function stopping(): Problem {
  return new Problem('busy', 'The gateway stops; what was imported by now stays.', {
    status: 503,
    retryAfterMs: RETRY_AFTER_MS,
  })
}

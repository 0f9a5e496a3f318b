/** Stores a converted document as a listing, or says what storing it would change. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Id } from '#core/ids'
import { parseInput } from '#core/parse-input'
import { nothingToSell } from '#openapi'
import type { Drafted } from './converter.js'
import type { Portion } from './import-entry.js'
import type { ImportRecord } from './import-plan.js'
import { type Sellable, sellableEntries } from './import-sellable.js'
import {
  findTarget,
  finishImport,
  type ImportedListing,
  insertImported,
  planPortion,
  retireVanished,
  type Target,
  vanishedSlugs,
  writePortion,
} from './import-store.js'
import { createTally, type Tally } from './import-tally.js'
import type { Imported, ImportRequest } from './import-wire.js'
import type { Listing } from './listing.js'
import { listingSchema } from './listing-schema.js'
import {
  type CredentialSlot,
  findListing,
  isFinished,
  isSameSlot,
  type ListingDeps,
  setCredential,
  setStatus,
  slotOf,
  slotOfListing,
} from './listings.js'
import type { ReservedSlugs } from './reserved-slugs.js'
import { countActive } from './versions.js'

export type ImportOutcome = {
  /** `undefined` for a listing that would be made. */
  listingId: Id<'listing'> | undefined
  slug: string
  title: string
  isNew: boolean
  isDryRun: boolean
  imported: Imported
}

type Deps = ListingDeps & { reserved: ReservedSlugs }
type Draft = Drafted['draft']

export type Storing = {
  sellerId: Id<'account'>
  request: ImportRequest
  /** Of document and request: what has the same needs no import. */
  fingerprint: string
  drafted: Drafted
  portions: AsyncIterable<Portion>
  /** @throws Problem when the import has to end early. */
  goOn(): void
}

const headSchema = listingSchema.pick({
  slug: true,
  title: true,
  description: true,
  category: true,
  backend: true,
})

/** @throws Problem `slug_taken`, or `invalid_request` naming what cannot be sold. */
export async function storeDraft(deps: Deps, storing: Storing): Promise<ImportOutcome> {
  const { request, drafted, sellerId } = storing
  const { credential, ...head } = drafted.draft
  const draft = { ...parseInput(headSchema, head, 'The document'), credential }
  deps.upstreams.checkReachable(draft.backend.base_url)
  const { source, slug } = request
  const asked = { source, slug, draftSlug: draft.slug, reserved: deps.reserved }
  const target = await findTarget(deps.store.db, sellerId, asked)
  draft.category = request.category ?? target.known?.listing.category ?? draft.category
  const tally = createTally(drafted.notes)
  const sent = slotFor(request, target, credential)
  if (!isSameSlot(sent, credential)) {
    tally.warn({ at: '/security', message: `The listing sends its own credential, ${sent.type}.` })
  }
  const rules = { sent, drafted: credential, tally, isStrict: request.strict }
  const work = {
    ...storing,
    draft,
    target,
    tally,
    sellable: sellableEntries(storing.portions, rules),
  }
  return request.dry_run ? foresee(deps, work) : store(deps, work)
}

/** What is asked beside an import of a document that did not change since the last one. */
export async function confirmImport(
  deps: Deps,
  { listing, record }: ImportedListing,
  request: ImportRequest,
): Promise<ImportOutcome> {
  const tally = createTally({ refused: [], warnings: [] })
  if (!request.dry_run) await finishAsAsked(deps, listing.id, request, tally)
  const imported = tally.show()
  imported.counts.unchanged = await countActive(deps.store.db, listing.id)
  imported.counts.refused = record.refused
  return { ...outcomeOf(listing, request, false), imported }
}

type Work = Storing & {
  draft: Draft
  target: Target
  tally: Tally
  sellable: AsyncIterable<readonly Sellable[]>
}

async function foresee(deps: Deps, work: Work): Promise<ImportOutcome> {
  const { target, draft, tally, request } = work
  const kept = new Set<string>()
  for await (const entries of work.sellable) {
    work.goOn()
    for (const { slug } of entries) kept.add(slug)
    const created = entries.map(({ slug }) => ({
      slug,
      change: 'created' as const,
      writing: undefined,
    }))
    tally.add(target.known ? await planPortion(deps.store.db, target.known, entries) : created)
  }
  if (!target.known) {
    const listing = { id: undefined, slug: target.slug, title: draft.title }
    return { ...outcomeOf(listing, request, true), imported: tally.show() }
  }
  const { listing } = target.known
  tally.retire(await vanishedSlugs(deps.store.db, listing, kept))
  return { ...outcomeOf(listing, request, false), imported: tally.show() }
}

async function store(deps: Deps, work: Work): Promise<ImportOutcome> {
  const { target, tally, request } = work
  let imported = target.known
  const kept = new Set<string>()
  for await (const entries of work.sellable) {
    work.goOn()
    // A listing of which nothing can be sold is not made.
    imported ??= await insertFirst(deps, work)
    for (const { slug } of entries) kept.add(slug)
    tally.add(await storePortion(deps, imported, entries))
    // Paid calls come first.
    await turn()
  }
  if (!imported) throw nothingToSell(tally.show().refused)
  const vanished = await vanishedSlugs(deps.store.db, imported.listing, kept)
  await retireVanished(deps, imported.listing, vanished)
  tally.retire(vanished)
  await finishImport(deps, imported, work.draft, recordOf(work, work.fingerprint))
  const { id } = imported.listing
  await finishAsAsked(deps, id, request, tally)
  const listing = await findListing(deps.store.db, id)
  return { ...outcomeOf(listing, request, !target.known), imported: tally.show() }
}

/** Most of an import done again is as it was, and needs no transaction. */
async function storePortion(deps: Deps, imported: ImportedListing, entries: readonly Sellable[]) {
  const planned = await planPortion(deps.store.db, imported, entries)
  const isWritten = planned.some(({ writing }) => writing !== undefined)
  return isWritten ? writePortion(deps, imported, entries) : planned
}

function insertFirst(deps: Deps, work: Work): Promise<ImportedListing> {
  const { draft, target, request, sellerId } = work
  const { source } = request
  const slot = slotFor(request, target, draft.credential)
  const record = recordOf(work, null)
  return insertImported(deps, sellerId, { slug: target.slug, source, draft, slot, record })
}

function recordOf({ draft, request, tally }: Work, hash: string | null): ImportRecord {
  const { title, description, category } = draft
  return { hash, title, description, category, price: request.price, refused: tally.refusals }
}

/** The credential, and the sale, in the words of the request. */
async function finishAsAsked(
  deps: Deps,
  id: string,
  { credential, publish }: ImportRequest,
  tally: Tally,
): Promise<void> {
  if (credential) await setCredential(deps, id, credential)
  if (!publish) return
  const listing = await findListing(deps.store.db, id)
  if (listing.status === 'published') return
  if (isFinished(listing)) await setStatus(deps, id, 'published')
  else {
    const message =
      'It stays off sale until its credential is set: PUT /v1/listings/{id}/credential.'
    tally.warn({ at: '/security', message })
  }
}

/** What the listing sends: the new credential, the one that it has, or the one that the document asks for. */
function slotFor(
  { credential }: ImportRequest,
  { known }: Target,
  drafted: CredentialSlot,
): CredentialSlot {
  if (credential) return slotOf(credential)
  return known ? slotOfListing(known.listing) : drafted
}

function outcomeOf(
  { id, slug, title }: Pick<Listing, 'slug' | 'title'> & { id: Listing['id'] | undefined },
  request: ImportRequest,
  isNew: boolean,
): Omit<ImportOutcome, 'imported'> {
  return { listingId: id, slug, title, isNew, isDryRun: request.dry_run }
}

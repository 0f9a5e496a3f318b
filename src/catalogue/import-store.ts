/**
 * Where an import is stored: which listing it belongs to, and its endpoints, portion by portion. Each
 * portion is read, compared and written in a transaction of its own, so that nobody waits for the
 * whole; one that was cut off leaves a listing that the next import of the document goes on with.
 */
import { sha256Hex } from '#core/canonical-json'
import { type Id, newId } from '#core/ids'
import { Problem } from '#core/problem'
import { type Db, isUniqueViolation, nextRevision, type Tx } from '#store'
import type { Draft } from './import-entry.js'
import { type Change, type ImportRecord, keepChanged, planEndpoint } from './import-plan.js'
import type { Sellable } from './import-sellable.js'
import { type Listing, type ListingRow, toListing } from './listing.js'
import { type CredentialSlot, type ListingDeps, listingColumns } from './listings.js'
import type { ReservedSlugs } from './reserved-slugs.js'
import { CATALOGUE } from './revision.js'
import { flagListing } from './text-flags.js'
import { storedEndpoints, type Writing, writeEndpoints } from './versions.js'

/** Endpoints that are retired in one transaction. */
const PORTION = 200

type Row = ListingRow & { imported: string | null }

/** A listing that was imported before, as it was found. */
export type ImportedListing = { listing: Listing; record: ImportRecord }

/** What an import belongs to: a listing that is there, or the slug of one to be made. */
export type Target = { known: ImportedListing | undefined; slug: string }

type Asked = { source?: string | undefined; slug?: string | undefined }

/** The listing that was imported from this source, or has this slug, where that is certain now. */
export async function findImported(
  db: Db,
  sellerId: string,
  { source, slug }: Asked,
): Promise<ImportedListing | undefined> {
  const own = () => db<Row>('listings').where({ seller_id: sellerId }).whereNot('status', 'retired')
  if (source === undefined && slug === undefined) return undefined
  const row =
    source === undefined
      ? await own().where('slug', slug!).whereNotNull('imported').first()
      : await own().where('import_source', source).first()
  return row && toImported(row)
}

/**
 * Where an import with the slug `draftSlug`, which the document gave, belongs.
 *
 * @throws Problem `slug_taken` where the slug is somebody's, or of a listing made by hand, and no
 *   source is there to take a suffix from.
 */
export async function findTarget(
  db: Db,
  sellerId: string,
  { source, slug, draftSlug, reserved }: Asked & { draftSlug: string; reserved: ReservedSlugs },
): Promise<Target> {
  const known = await findImported(db, sellerId, { source, slug: slug ?? draftSlug })
  if (known) return { known, slug: known.listing.slug }
  const isSuffixed = source !== undefined && slug === undefined
  const candidates = isSuffixed ? [draftSlug, ...suffixed(draftSlug, source)] : [slug ?? draftSlug]
  for (const candidate of candidates) {
    const isTaken =
      reserved.has(candidate) || (await db('listings').where({ slug: candidate }).first('id'))
    if (!isTaken) return { known: undefined, slug: candidate }
  }
  throw slugTaken(candidates[0]!)
}

function slugTaken(slug: string): Problem {
  return new Problem('slug_taken', `The slug "${slug}" is taken.`, {
    action: 'Send another slug; only a listing that you imported is changed by an import.',
  })
}

const MAX_SLUG = 64

/** The same for the same source: its words that the slug lacks, and a number that nobody else has. */
function suffixed(slug: string, source: string): string[] {
  const known = new Set(slug.split('-'))
  const words = source
    .toLowerCase()
    .replace(/\.(json|ya?ml)$/, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && !known.has(word))
  const number = sha256Hex(`${slug} ${source}`).slice(0, 6)
  return [[...new Set(words)].join('-'), number]
    .filter((suffix) => suffix !== '' && suffix.length < MAX_SLUG / 2)
    .map((suffix) => `${slug.slice(0, MAX_SLUG - 1 - suffix.length).replace(/-+$/, '')}-${suffix}`)
}

/** Makes the listing of a first import, without endpoints, as a draft that the import fills. */
export async function insertImported(
  { store, clock, along }: ListingDeps,
  sellerId: Id<'account'>,
  {
    slug,
    source,
    draft,
    slot,
    record,
  }: {
    slug: string
    source: string | undefined
    draft: Omit<Draft, 'credential'>
    slot: CredentialSlot
    record: ImportRecord
  },
): Promise<ImportedListing> {
  const now = clock.now()
  const id = newId('listing', now)
  const row = {
    ...listingColumns(draft),
    id,
    slug,
    seller_id: sellerId,
    status: 'draft',
    credential_type: slot.type,
    credential_name: slot.name ?? null,
    import_source: source ?? null,
    imported: JSON.stringify(record),
    created_at: now,
    updated_at: now,
  }
  try {
    await store.inTransaction(async (tx) => {
      await tx('listings').insert({ ...row, revision: await nextRevision(tx, CATALOGUE) })
      await flagListing(tx, row, draft, now)
      await along?.(tx, id, { slug, is_new: true })
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw slugTaken(slug)
  }
  return readImported(store.db, id)
}

export type Planned = { slug: string; change: Change; writing: Writing | undefined }

/** What storing the entries would change. */
export async function planPortion(
  db: Db | Tx,
  { listing, record }: ImportedListing,
  entries: readonly Sellable[],
): Promise<Planned[]> {
  const slugs = entries.map(({ slug }) => slug)
  const stored = await storedEndpoints(db, listing, slugs)
  return entries.map((entry) => ({
    slug: entry.slug,
    ...planEndpoint(entry, stored.get(entry.slug), record.price),
  }))
}

/** Stores the entries, and says what changed. Nobody else changes the catalogue meanwhile. */
export function writePortion(
  { store, clock, along }: ListingDeps,
  imported: ImportedListing,
  entries: readonly Sellable[],
): Promise<Planned[]> {
  return store.inTransaction(async (tx) => {
    await touch(tx, imported.listing, clock.now())
    const planned = await planPortion(tx, imported, entries)
    const writings = planned.flatMap(({ writing }) => writing ?? [])
    await writeEndpoints(tx, imported.listing, writings, clock.now())
    await along?.(tx, imported.listing.id, { slug: imported.listing.slug })
    return planned
  })
}

/** The endpoints of earlier imports that are still sold and not among `kept`, by slug. */
export async function vanishedSlugs(
  db: Db,
  listing: { id: string },
  kept: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await db('endpoints')
    .where({ listing_id: listing.id, import_state: 'listed', status: 'active' })
    .orderBy('endpoint_id')
    .select('slug')
  return rows.map(({ slug }) => slug as string).filter((slug) => !kept.has(slug))
}

/** Takes endpoints off sale that the document no longer has; they stay on record. */
export async function retireVanished(
  { store, clock, along }: ListingDeps,
  listing: Listing,
  slugs: readonly string[],
): Promise<void> {
  for (let from = 0; from < slugs.length; from += PORTION) {
    await store.inTransaction(async (tx) => {
      await touch(tx, listing, clock.now())
      await tx('endpoints')
        .where({ listing_id: listing.id, import_state: 'listed', status: 'active' })
        .whereIn('slug', slugs.slice(from, from + PORTION))
        .update({ status: 'retired', import_state: 'vanished' })
      await along?.(tx, listing.id, { slug: listing.slug })
    })
  }
}

/**
 * Ends an import: what the document says of the whole listing is written, unless its seller changed
 * it by hand.
 */
export function finishImport(
  { store, clock, along }: ListingDeps,
  { listing, record: last }: ImportedListing,
  draft: Draft,
  record: ImportRecord,
): Promise<void> {
  return store.inTransaction(async (tx) => {
    const current = await touch(tx, listing, clock.now())
    await tx('listings')
      .where({ id: listing.id })
      .update({
        title: keepChanged(current.title, last.title, draft.title),
        description: keepChanged(current.description, last.description, draft.description),
        category: keepChanged(current.category, last.category, draft.category),
        backend: JSON.stringify(draft.backend),
        imported: JSON.stringify(record),
      })
    await flagListing(tx, current, draft, clock.now())
    await along?.(tx, listing.id, { slug: listing.slug })
  })
}

/** Takes the next revision for the listing. */
async function touch(tx: Tx, { id }: { id: string }, nowMs: number): Promise<Listing> {
  const revision = await nextRevision(tx, CATALOGUE)
  await tx('listings').where({ id }).update({ revision, updated_at: nowMs })
  const listing = toListing((await tx<ListingRow>('listings').where({ id }).first())!)
  if (listing.status !== 'retired') return listing
  throw new Problem('listing_changed', 'The listing was retired while it was imported.')
}

async function readImported(db: Db, id: string): Promise<ImportedListing> {
  return toImported((await db<Row>('listings').where({ id }).first())!)
}

function toImported(row: Row): ImportedListing {
  return { listing: toListing(row), record: JSON.parse(row.imported!) }
}

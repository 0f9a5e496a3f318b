/** What an import takes and gives. */
import { z } from 'zod'
import { priceSchema } from '#pricing'
import { credentialSchema, listingSchema } from './listing-schema.js'

const { slug, title, category } = listingSchema.shape

/** The largest body of an import: the largest public description has 47 MB. */
export const MAX_IMPORT_BYTES = 64 * 1024 * 1024
/** Endpoints, refusals and warnings that an answer names of each kind; it counts all of them. */
export const MAX_NAMED = 500

export const importSchema = z.strictObject({
  document: z
    .unknown()
    .optional()
    .describe('an OpenAPI document, as JSON or as text; references out of it are not followed'),
  url: z.string().max(2048).optional().describe('where to fetch it instead'),
  source: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .describe(
      'your name for the document, such as its path in a folder: what was imported under it before is updated, and a slug that is taken gets a suffix',
    ),
  slug: slug.optional().describe('else taken from the title of the document'),
  title: title.optional(),
  category: category.optional(),
  price: priceSchema.describe('the price of each endpoint'),
  credential: credentialSchema.optional(),
  publish: z.boolean().default(false).describe('puts the listing on sale'),
  strict: z.boolean().default(false).describe('refuses a document of which something is refused'),
  dry_run: z.boolean().default(false).describe('writes nothing, and says what would change'),
})

/** What is asked for beside the document. */
export type ImportRequest = Omit<z.output<typeof importSchema>, 'document'>

/** A place in the document, as a JSON pointer, and what is said of it. */
const note = z.object({ at: z.string(), message: z.string() })
export type Note = z.infer<typeof note>

const names = z.array(z.string())

/** What an import did, or would do: endpoints by slug, at most 500 of each kind. */
export const importedSchema = z.object({
  created: names,
  changed: names.describe('have a new version'),
  restored: names.describe('were in the document before, and are again'),
  retired: names.describe('are no longer in the document'),
  refused: z.array(note).describe('operations that cannot be sold, and why'),
  warnings: z.array(note).describe('what was lost of the others'),
  counts: z.object({
    created: z.int(),
    changed: z.int(),
    restored: z.int(),
    unchanged: z.int(),
    retired: z.int(),
    refused: z.int(),
  }),
})

export type Imported = z.infer<typeof importedSchema>

/** Accounts as routes take and give them. */
import { z } from 'zod'
import { allowSchema, limitsSchema } from '#accounts'
import { plainLine } from '#core/plain-text'
import { storedText } from '#core/stored-text'

// Sellers' names are read by buyers, like all texts of sellers.
export const accountName = storedText({ min: 1, max: 120 }).overwrite(plainLine).min(1)

export const namedSchema = z.strictObject({
  name: accountName,
  slug: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')
    .max(48)
    .optional()
    .describe('made from the name when absent; unique, and stays'),
})

export const accountResult = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  kind: z.string(),
  status: z.enum(['active', 'suspended', 'closed']),
  limits: limitsSchema,
  allow: allowSchema.optional(),
  parent_id: z.string().optional().describe('of a sub-account'),
  balance: z.enum(['own', 'parent']).optional().describe('of a sub-account: whose money it spends'),
})

/** What both faces take and give for a rating. */
import { z } from 'zod'
import { storedText } from '#core/stored-text'

export const ratingSchema = z.strictObject({
  call_id: z.string().max(64),
  score: z.int().min(1).max(5),
  comment: storedText({ min: 0, max: 1000 }).optional(),
})

export const ratingResultSchema = z.object({
  seller: z.object({
    id: z.string(),
    name: z.string(),
    rating: z.number().nullable(),
    ratings: z.int(),
  }),
})

/** The fields that a refusal shows on both faces, for the schemas of results. */
import { z } from 'zod'

export const problemFields = {
  code: z.string().optional().describe('why it was refused or not delivered'),
  message: z.string().optional(),
  action: z.string().optional().describe('what to do next'),
}

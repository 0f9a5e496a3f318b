import { z } from 'zod'

/** Text that people write and that is kept, without its outer spaces; PostgreSQL stores no NUL. */
export function storedText(limits: { min: number; max: number }) {
  return z
    .string()
    .trim()
    .min(limits.min)
    .max(limits.max)
    .regex(/^[^\u0000]*$/, 'must not contain the character NUL')
}

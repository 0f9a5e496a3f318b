/** Random bytes from a pool, since each trip to the system costs more than what it brings. */
import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8192
const pool = Buffer.alloc(POOL_BYTES)
let offset = POOL_BYTES

/** Fresh cryptographically random bytes, at most {@link POOL_BYTES}, given to one caller only. */
export function randomBuffer(bytes: number): Buffer {
  if (offset + bytes > POOL_BYTES) {
    randomFillSync(pool)
    offset = 0
  }
  const fresh = Buffer.from(pool.subarray(offset, offset + bytes))
  // What was given away does not stay behind.
  pool.fill(0, offset, offset + bytes)
  offset += bytes
  return fresh
}

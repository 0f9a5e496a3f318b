/**
 * Passwords at rest: scrypt with its parameters and salt beside the hash, so that a later version can
 * raise the cost. Each takes 128 MiB and a third of a second of one core, off the event loop; few run
 * at a time.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { Problem } from '#core/problem'

/** As scrypt takes it: memory is 128 · N · r bytes. */
export type Cost = { N: number; r: number; p: number }

/** What OWASP asks for. */
const COST: Cost = { N: 2 ** 17, r: 8, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** The threads that run it serve files and names, too. */
const MAX_RUNNING = 2
const MAX_WAITING = 32
const RETRY_AFTER_MS = 5_000

export type Passwords = {
  /** @throws Problem `busy`. */
  seal(password: string): Promise<string>
  /**
   * Whether `password` is the one that was sealed; takes as long where nothing was.
   *
   * @throws Problem `busy`.
   */
  matches(password: string, sealed: string | null | undefined): Promise<boolean>
}

export function createPasswords(cost: Cost = COST): Passwords {
  const nobody = format(cost, Buffer.alloc(SALT_BYTES), Buffer.alloc(HASH_BYTES))
  const waiting: (() => void)[] = []
  let running = 0

  async function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
    await takeTurn()
    try {
      return await new Promise((resolve, reject) => {
        const options = { N, r, p, maxmem: 256 * N * r }
        scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, hash) =>
          error ? reject(error) : resolve(hash),
        )
      })
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }

  async function takeTurn(): Promise<void> {
    if (running < MAX_RUNNING) {
      running += 1
      return
    }
    if (waiting.length >= MAX_WAITING) {
      throw new Problem('busy', 'Too many people are signing in at this moment.', {
        status: 503,
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    // Who ends hands the turn over.
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  return {
    async seal(password) {
      const salt = randomBytes(SALT_BYTES)
      return format(cost, salt, await derive(password, salt, cost))
    },
    async matches(password, sealed) {
      const { cost: sealedCost, salt, hash } = parse(sealed ?? nobody)
      const derived = await derive(password, salt, sealedCost)
      return timingSafeEqual(derived, hash) && typeof sealed === 'string'
    },
  }
}

function format({ N, r, p }: Cost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

function parse(sealed: string): { cost: Cost; salt: Buffer; hash: Buffer } {
  const [, N, r, p, salt, hash] = sealed.split('$') as [string, ...string[]]
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt!, 'base64url'),
    hash: Buffer.from(hash!, 'base64url'),
  }
}

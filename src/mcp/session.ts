/**
 * Sessions of `initialize`-based clients. They carry no state, so their id is its own proof: who it
 * was made for and until when, signed. Any gateway of one database accepts it, none can be guessed,
 * and one that another key presents does not exist.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Principal } from '#accounts'
import type { Clock } from '#core/clock'

const LIFE_MS = 24 * 60 * 60 * 1_000
/** Ended sessions are remembered, so that they stay ended; the oldest are forgotten first. */
const MAX_ENDED = 10_000
/** Sessions whose signature was checked already. */
const MAX_PROVEN = 10_000

export type Sessions = {
  begin(principal: Principal | undefined): string
  isLive(id: string, principal: Principal | undefined): boolean
  end(id: string | string[] | undefined, principal: Principal | undefined): boolean
}

export function createSessions(deps: { key: Buffer; clock: Clock }): Sessions {
  const ended = new Set<string>()
  /** Whose session each id was proven to be. */
  const proven = new Map<string, string>()
  return {
    begin(principal) {
      const body = `${randomBytes(12).toString('base64url')}.${deps.clock.now() + LIFE_MS}`
      return `${body}.${sign(body, ownerOf(principal))}`
    },
    isLive,
    end(id, principal) {
      if (typeof id !== 'string' || !isLive(id, principal)) return false
      if (ended.size >= MAX_ENDED) ended.delete(ended.values().next().value!)
      ended.add(id)
      return true
    },
  }

  function isLive(id: string, principal: Principal | undefined): boolean {
    const [random, untilMs, signature, ...rest] = id.split('.')
    if (random === undefined || untilMs === undefined || signature === undefined) return false
    // One session has one id: with another spelling an ended one would live again.
    if (rest.length > 0) return false
    const owner = ownerOf(principal)
    if (proven.get(id) !== owner) {
      if (!isSigned(`${random}.${untilMs}`, signature, owner)) return false
      if (proven.size >= MAX_PROVEN) proven.clear()
      proven.set(id, owner)
    }
    return Number(untilMs) > deps.clock.now() && !ended.has(id)
  }

  function isSigned(body: string, signature: string, owner: string): boolean {
    const expected = Buffer.from(sign(body, owner))
    const given = Buffer.from(signature)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  function sign(body: string, owner: string): string {
    return createHmac('sha256', deps.key).update(`${owner}.${body}`).digest('base64url')
  }
}

function ownerOf(principal: Principal | undefined): string {
  return principal?.key.id ?? 'public'
}

/**
 * Sessions of `initialize`-based clients. They carry no state, so their id is its own proof: who it
 * was made for, at which address and until when, signed. Any gateway of one database accepts it, none
 * can be guessed, and one that another key presents, or another address, does not exist.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Principal } from '#accounts'
import type { Clock } from '#core/clock'

const LIFE_MS = 24 * 60 * 60 * 1_000
/** Ended sessions are remembered, so that they stay ended; the oldest are forgotten first. */
const MAX_ENDED = 10_000
/** Sessions whose signature was checked already. */
const MAX_PROVEN = 10_000

/** The first character of an id, which is signed like the rest. */
const ASKS = 'a'
const SILENT = 's'

/** Whether the client of a session can show forms to a person. */
export function asksIn(sessionId: string): boolean {
  return sessionId.startsWith(ASKS)
}

export type Sessions = {
  /** @param canAsk whether its client can show forms to a person. */
  begin(owner: string, canAsk?: boolean): string
  isLive(id: string, owner: string): boolean
  end(id: string | string[] | undefined, owner: string): boolean
}

/** Whose a session is: a key's (not its secret's), or nobody's in particular, at one address. */
export function ownerOf(principal: Principal | undefined, surface: { id: string }): string {
  return `${principal?.key.id ?? 'public'} ${surface.id}`
}

export function createSessions(deps: { key: Buffer; clock: Clock }): Sessions {
  const ended = new Set<string>()
  /** Whose session each id was proven to be. */
  const proven = new Map<string, string>()
  return {
    begin(owner, canAsk = false) {
      const body = `${canAsk ? ASKS : SILENT}${randomBytes(12).toString('base64url')}.${deps.clock.now() + LIFE_MS}`
      return `${body}.${sign(body, owner)}`
    },
    isLive,
    end(id, owner) {
      if (typeof id !== 'string' || !isLive(id, owner)) return false
      if (ended.size >= MAX_ENDED) ended.delete(ended.values().next().value!)
      ended.add(id)
      return true
    },
  }

  function isLive(id: string, owner: string): boolean {
    const [random, untilMs, signature, ...rest] = id.split('.')
    if (random === undefined || untilMs === undefined || signature === undefined) return false
    // One session has one id: with another spelling an ended one would live again.
    if (rest.length > 0) return false
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

/**
 * Who holds something open here: a stream, a socket, a session of a relayed server. Each is looked at
 * again every second, and has to go once it would not be let in any more.
 */
import { type Principal, refuseSuspended } from '#accounts'
import { Problem } from '#core/problem'
import { type Closing, onceClosed } from './reply.js'

/** Connections that one key, and all together, may hold open at once. */
const MAX_PER_KEY = 64
const MAX_CONNECTIONS = 4_096
const LOOK_INTERVAL_MS = 1_000
/** Looks that are taken at once. */
const AT_ONCE = 32

/** Whoever wants to stay. */
export type Visitor = {
  principal: Principal | undefined
  /** Who that is by now. @throws Problem `unauthenticated` where the key, or the token, ended. */
  look(): Promise<Principal | undefined>
}

export type Guest = {
  /** As it stands now: its lists, for one, change while it stays. */
  principal: Principal
  /** Aborted when it has to go, and whatever it holds is to end. */
  over: AbortSignal
}

/** Ends what a guest holds, at once where it has to go already. */
export function whenOver({ over }: Guest, end: () => void): void {
  if (over.aborted) end()
  else over.addEventListener('abort', end, { once: true })
}

export type Guests = {
  /**
   * Lets in whoever opened a connection, until it closes.
   *
   * @throws Problem `unauthenticated` for nobody in particular, `account_suspended`, `busy` where all
   *   places are taken.
   */
  receive(connection: Closing, visitor: Visitor): Guest
  /**
   * Lets in for something that no connection stands for, until `leave` is called.
   *
   * @throws Problem as {@link receive}, but for `busy`.
   */
  accept(visitor: Visitor): { guest: Guest; leave(): void }
  /** All have to go. */
  close(): void
}

type Stay = Pick<Visitor, 'look'> & { guest: Guest; end(): void }

export function createGuests(): Guests {
  const stays = new Set<Stay>()
  const places = new Map<string, number>()
  let connections = 0
  let isLooking = false
  const looking = setInterval(() => void lookAround(), LOOK_INTERVAL_MS)
  looking.unref()

  return {
    receive(connection, visitor) {
      const { guest, leave } = accept(visitor)
      try {
        onceClosed(connection, takePlace(guest.principal.key.id))
      } catch (error) {
        leave()
        throw error
      }
      onceClosed(connection, leave)
      return guest
    },
    accept,
    close() {
      clearInterval(looking)
      for (const stay of stays) end(stay)
    },
  }

  function accept({ principal, look }: Visitor) {
    if (!principal) throw new Problem('unauthenticated', 'What stays open needs an API key.')
    refuseSuspended(principal)
    const over = new AbortController()
    const guest: Guest = { principal, over: over.signal }
    const stay: Stay = { guest, look, end: () => over.abort() }
    stays.add(stay)
    return { guest, leave: () => void stays.delete(stay) }
  }

  function end(stay: Stay): void {
    stays.delete(stay)
    stay.end()
  }

  async function lookAround(): Promise<void> {
    if (isLooking) return
    isLooking = true
    const all = [...stays]
    for (let i = 0; i < all.length; i += AT_ONCE) {
      await Promise.all(all.slice(i, i + AT_ONCE).map(lookAt))
    }
    isLooking = false
  }

  async function lookAt(stay: Stay): Promise<void> {
    try {
      const principal = await stay.look()
      if (!principal) return
      refuseSuspended(principal)
      stay.guest.principal = principal
    } catch (error) {
      // Where the database cannot tell now, the next look does.
      if (error instanceof Problem && ENDS.has(error.code)) end(stay)
    }
  }

  function takePlace(keyId: string): () => void {
    const own = places.get(keyId) ?? 0
    if (own >= MAX_PER_KEY || connections >= MAX_CONNECTIONS) {
      throw new Problem('busy', 'No more streams may be open at once.', { retryAfterMs: 5_000 })
    }
    places.set(keyId, own + 1)
    connections++
    return () => {
      connections--
      const left = places.get(keyId)! - 1
      if (left === 0) places.delete(keyId)
      else places.set(keyId, left)
    }
  }
}

/** What a key that is no good any more is refused with. */
const ENDS: ReadonlySet<string> = new Set(['unauthenticated', 'account_suspended'])

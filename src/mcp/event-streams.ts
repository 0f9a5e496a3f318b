/**
 * Streams of events that stay open: the older era's GET stream, which tells of changes of the list,
 * and the transport of 2024-11-05 (SSE), which is deprecated and served for clients that know no other.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '#accounts'
import { Problem } from '#core/problem'
import type { Channel, Conversation } from './conversation.js'
import { LIST_CHANGED } from './list-changed.js'
import { onceClosed, openEvents, sendEvent } from './reply.js'
import type { Surface } from './surface.js'

/** Streams that one key, and all together, may have open at once. */
const MAX_STREAMS_PER_KEY = 64
const MAX_STREAMS = 4_096
/** Since when the transport is deprecated: the revision 2025-03-26. */
const SSE_DEPRECATED = '@1742947200'

export type EventStreams = {
  /** Tells of changes of the list until the client goes. */
  openList(res: ServerResponse, surface: Surface, principal: Principal): void
  /**
   * Opens a conversation that answers on this stream, and is posted to at `messagesPath`.
   *
   * @param start begins it, given what carries it.
   */
  openConversation(
    res: ServerResponse,
    at: { owner: string; keyId: string; messagesPath: string },
    start: (channel: Channel) => Promise<Conversation>,
  ): Promise<void>
  /** @throws Problem `not_found` where the owner has no such conversation. */
  conversation(req: IncomingMessage, owner: string): Conversation
  /** Takes a place for a stream until it closes. */
  hold(res: ServerResponse, principal: Principal): void
  /** Takes one of the places for streams; the function that it gives frees it. */
  takePlace(keyId: string): () => void
}

export function createEventStreams(): EventStreams {
  const talks = new Map<string, { owner: string; conversation: Conversation }>()
  const places = new Map<string, number>()
  let open = 0

  return {
    openList(res, surface, { key, ...principal }) {
      const leave = takePlace(key.id)
      begin(res, leave)
      const tell = () => sendEvent(res, JSON.stringify(LIST_CHANGED))
      const unwatch = surface.watch?.({ key, ...principal }, tell)
      onceClosed(res, () => unwatch?.())
    },
    async openConversation(res, { owner, keyId, messagesPath }, start) {
      const leave = takePlace(keyId)
      const id = randomBytes(24).toString('base64url')
      try {
        const send = (json: string) => sendEvent(res, json)
        const conversation = await start({ send, hangUp: () => void res.end() })
        talks.set(id, { owner, conversation })
      } catch (error) {
        leave()
        throw error
      }
      onceClosed(res, () => {
        talks.get(id)?.conversation.end()
        talks.delete(id)
      })
      begin(res.setHeader('deprecation', SSE_DEPRECATED), leave)
      res.write(`event: endpoint\ndata: ${messagesPath}?sessionId=${id}\n\n`)
    },
    conversation({ url = '' }, owner) {
      const id = new URLSearchParams(url.split('?')[1]).get('sessionId')
      const talk = talks.get(id ?? '')
      if (talk?.owner === owner) return talk.conversation
      throw new Problem('not_found', 'There is no such session; open a new stream.')
    },
    hold: (res, { key }) => onceClosed(res, takePlace(key.id)),
    takePlace,
  }

  function takePlace(keyId: string): () => void {
    const own = places.get(keyId) ?? 0
    if (own >= MAX_STREAMS_PER_KEY || open >= MAX_STREAMS) {
      throw new Problem('busy', 'No more streams may be open at once.', { retryAfterMs: 5_000 })
    }
    places.set(keyId, own + 1)
    open++
    return () => {
      open--
      const left = places.get(keyId)! - 1
      if (left === 0) places.delete(keyId)
      else places.set(keyId, left)
    }
  }
}

function begin(res: ServerResponse, leave: () => void): void {
  openEvents(res)
  onceClosed(res, leave)
}

/**
 * Streams of events that stay open: the older era's GET stream, which tells of changes of the list,
 * and the transport of 2024-11-05 (SSE), which is deprecated and served for clients that know no other.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '#core/problem'
import type { Channel, Conversation } from './conversation.js'
import { type Guest, whenOver } from './guests.js'
import { LIST_CHANGED } from './list-changed.js'
import { onceClosed, openEvents, sendEvent } from './reply.js'
import type { Surface } from './surface.js'

/** Since when the transport is deprecated: the revision 2025-03-26. */
const SSE_DEPRECATED = '@1742947200'

/** Tells of changes of the list until the client goes, or has to. */
export function openList(res: ServerResponse, surface: Surface, guest: Guest): void {
  openEvents(res)
  const unwatch = surface.watch?.(guest, () => sendEvent(res, JSON.stringify(LIST_CHANGED)))
  onceClosed(res, () => unwatch?.())
  whenOver(guest, () => void res.end())
}

export type EventStreams = {
  /**
   * Opens a conversation that answers on this stream, and is posted to at `messagesPath`.
   *
   * @param start begins it, given what carries it.
   */
  openConversation(
    res: ServerResponse,
    at: { owner: string; messagesPath: string },
    start: (channel: Channel) => Promise<Conversation>,
  ): Promise<void>
  /** @throws Problem `not_found` where the owner has no such conversation. */
  conversation(req: IncomingMessage, owner: string): Conversation
}

export function createEventStreams(): EventStreams {
  const talks = new Map<string, { owner: string; conversation: Conversation }>()
  return {
    async openConversation(res, { owner, messagesPath }, start) {
      const id = randomBytes(24).toString('base64url')
      const send = (json: string) => sendEvent(res, json)
      const conversation = await start({ send, hangUp: () => void res.end() })
      talks.set(id, { owner, conversation })
      onceClosed(res, () => {
        conversation.end()
        talks.delete(id)
      })
      openEvents(res.setHeader('deprecation', SSE_DEPRECATED))
      res.write(`event: endpoint\ndata: ${messagesPath}?sessionId=${id}\n\n`)
    },
    conversation({ url = '' }, owner) {
      const id = new URLSearchParams(url.split('?')[1]).get('sessionId')
      const talk = talks.get(id ?? '')
      if (talk?.owner === owner) return talk.conversation
      throw new Problem('not_found', 'There is no such session; open a new stream.')
    },
  }
}

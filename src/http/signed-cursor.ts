/**
 * Cursors that carry more than a position: what they say is believed, so it is sealed for the query
 * that they go on with. They hold nothing that their reader may not see.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeCursor, encodeCursor } from '#core/page'

/** @param query says whose and which query the cursor belongs to. */
export function signCursor(key: Buffer, query: string, content: unknown): string {
  const text = encodeCursor(content)
  return `${text}.${sealOf(key, query, text)}`
}

/**
 * What {@link signCursor} was given.
 *
 * @throws Problem `invalid_request` for a cursor of another query, or one that was changed.
 */
export function openCursor<T>(
  { key, query }: { key: Buffer; query: string },
  cursor: string,
  accept: (content: unknown) => content is T,
): T {
  const [text = '', seal = ''] = cursor.split('.')
  const isOurs = isSame(seal, sealOf(key, query, text))
  return decodeCursor(isOurs ? text : '', accept)
}

function sealOf(key: Buffer, query: string, text: string): string {
  return createHmac('sha256', key).update(`${query}\n${text}`).digest('base64url')
}

function isSame(seal: string, expected: string): boolean {
  const [given, wanted] = [Buffer.from(seal), Buffer.from(expected)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

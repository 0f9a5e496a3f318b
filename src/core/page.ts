/** Cursors: opaque to clients, a JSON value in base64url to us. They carry positions, never rights. */
import { Problem } from './problem.js'

export type Page<T> = { items: T[]; nextCursor?: string }

export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * The position inside a cursor, checked by `accept`.
 *
 * @throws Problem `invalid_request` for a cursor that this gateway did not make.
 */
export function decodeCursor<T>(cursor: string, accept: (position: unknown) => position is T): T {
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (accept(position)) return position
  } catch {
    // Falls through to the refusal below.
  }
  throw new Problem('invalid_request', 'The cursor is not one that this gateway gave.', {
    action: 'Leave cursor away to start from the first page.',
  })
}

/** The name by which clients know a tool of a server. Pure. */
import { sha256Hex } from '#core/canonical-json'

/** Several clients take no longer names, that of server, separator and tool together. */
const MAX_LENGTH = 60
const HASH_LENGTH = 8

/**
 * `<prefix>__<tool>`, at most 60 characters of `[A-Za-z0-9_-]`. A name that had to be altered for that
 * ends in a hash of the tool's own, so that two never become one and the same tool always the same.
 */
export function clientName(prefix: string, tool: string): string {
  const plain = tool.replace(/[^A-Za-z0-9_-]+/g, '_')
  const name = `${prefix}__${plain}`
  if (plain === tool && name.length <= MAX_LENGTH) return name
  const hash = sha256Hex(tool.toWellFormed()).slice(0, HASH_LENGTH)
  return `${name.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`
}

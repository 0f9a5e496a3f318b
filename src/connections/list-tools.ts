/** All tools of a server, page by page, within limits. */
import type { Deadline } from '#upstreams'
import { broken } from './http-exchange.js'
import type { Reply } from './line.js'
import { isObject, type JsonObject } from './messages.js'
import type { NotOpen } from './negotiation.js'

/** A definition as the server gives it: untrusted, and of any shape beyond its name. */
export type ListedTool = { name: string } & Record<string, unknown>

const MAX_TOOLS = 2000
const MAX_PAGES = 200
const MAX_BYTES = 16 * 1024 * 1024
const MAX_CURSOR_CHARACTERS = 16 * 1024

export type Failed = Exclude<Reply, { kind: 'result' }> | NotOpen

/** @param ask sends `tools/list` with these parameters. */
export async function listAll(
  ask: (params: JsonObject, deadline: Deadline) => Promise<Reply | NotOpen>,
  deadline: Deadline,
): Promise<ListedTool[] | Failed> {
  const tools: ListedTool[] = []
  const cursors = new Set<string>()
  let bytes = 0
  for (let params: JsonObject = {}; ; ) {
    const reply = await ask(params, deadline)
    if (reply.kind !== 'result') return reply
    const { tools: page, nextCursor } = reply.value
    if (!Array.isArray(page))
      return broken('The server answers tools/list without a list of tools.')
    const named = page.filter(isTool)
    bytes += reply.bytes.length
    if (tools.length + named.length > MAX_TOOLS)
      return broken(`The server has more than ${MAX_TOOLS} tools.`)
    if (bytes > MAX_BYTES) return broken('The tools of the server are longer than 16 MiB.')
    tools.push(...named)
    if (nextCursor === undefined || nextCursor === null) return tools
    if (typeof nextCursor !== 'string' || nextCursor.length > MAX_CURSOR_CHARACTERS) {
      return broken('The server gives a cursor that is no text, or too long.')
    }
    if (cursors.has(nextCursor))
      return broken('The server gives the same cursor again: its list has no end.')
    cursors.add(nextCursor)
    if (cursors.size >= MAX_PAGES)
      return broken(`The server has more than ${MAX_PAGES} pages of tools.`)
    params = { cursor: nextCursor }
  }
}

function isTool(value: unknown): value is ListedTool {
  return isObject(value) && typeof value.name === 'string' && value.name !== ''
}

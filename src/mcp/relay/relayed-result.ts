/** Results of a relayed server, as clients of either era read them, whichever era it speaks itself. */
import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Relay } from '#connections'
import { valueTextAt } from '#core/json-text'
import { isObject } from '#schemas'

type JsonObject = Record<string, unknown>

/** What of a relay its clients are told. */
export type Facts = Pick<
  Relay,
  'era' | 'protocolVersion' | 'serverInfo' | 'capabilities' | 'instructions'
>

export const MODERN = '2026-07-28'

/** Of results that say how long they hold, where the server does not; changes are told before. */
const LIFE_MS = 60_000
const CACHED = new Set([
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
  ...['resources/read', 'server/discover'],
])

/**
 * JSON of the result for a client. What is structured keeps its digits.
 *
 * @param text JSON of the server's result.
 * @param added members for its `_meta`.
 */
export function resultFor(
  client: Relay['era'],
  method: string,
  text: string,
  { serverInfo }: Pick<Facts, 'serverInfo'>,
  added: JsonObject = {},
): string {
  const { structuredContent, resultType = 'complete', _meta, ...result } = JSON.parse(text)
  const isModern = client === 'modern'
  const meta = {
    ...(isModern && serverInfo && { [SERVER_INFO_META_KEY]: serverInfo }),
    ...(isObject(_meta) ? _meta : {}),
    ...added,
  }
  const members = JSON.stringify({
    ...result,
    ...(isModern && { resultType }),
    // The list of one is not that of another.
    ...(isModern &&
      CACHED.has(method) && { ttlMs: result.ttlMs ?? LIFE_MS, cacheScope: 'private' }),
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
  })
  if (structuredContent === undefined) return members
  const structured = `"structuredContent":${valueTextAt(text, '/structuredContent')}`
  return members === '{}' ? `{${structured}}` : `${members.slice(0, -1)},${structured}}`
}

/** What `initialize` is answered; a session cannot carry all that a server of the current era can do. */
export function greetingOf(facts: Facts, asked: string): JsonObject {
  const { serverInfo = { name: 'unknown', version: '0' }, instructions } = facts
  return {
    protocolVersion: facts.era === 'session' ? facts.protocolVersion : asked,
    capabilities: capabilitiesFor('session', facts),
    serverInfo,
    ...(instructions !== undefined && { instructions }),
  }
}

/** What `server/discover` is answered. */
export function discoveryOf(facts: Facts): string {
  const { instructions } = facts
  const result = JSON.stringify({
    supportedVersions: [MODERN],
    capabilities: capabilitiesFor('modern', facts),
    ...(instructions !== undefined && { instructions }),
  })
  return resultFor('modern', 'server/discover', result, facts)
}

/** Without what the server's era does in a way that the client's has no word for. */
export function capabilitiesFor(client: Relay['era'], { era, capabilities }: Facts): JsonObject {
  if (era === client) return capabilities
  const { logging, resources, ...rest } = capabilities
  if (!isObject(resources)) return rest
  const { subscribe, ...able } = resources
  return { ...rest, resources: able }
}

/** Results of a relayed server, as clients of either era read them, whichever era it speaks itself. */
import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Relay } from '#connections'
import { memberTexts, objectText } from '#core/json-text'
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
 * JSON of the result for a client; what the server wrote stays as it stands there.
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
  const members = memberTexts(text)
  if (client === 'session') {
    const isOther = members.delete('resultType') || Object.keys(added).length > 0
    return isOther ? objectText(withMeta(members, added)) : text
  }
  if (!members.has('resultType')) members.set('resultType', '"complete"')
  if (CACHED.has(method)) {
    if (!members.has('ttlMs')) members.set('ttlMs', String(LIFE_MS))
    // The list of one is not that of another.
    members.set('cacheScope', '"private"')
  }
  return objectText(withMeta(members, added, serverInfo && { [SERVER_INFO_META_KEY]: serverInfo }))
}

/**
 * The members of an object, more of them in its `_meta`.
 *
 * @param usual what stands there unless the object says it itself.
 */
export function withMeta(
  members: Map<string, string>,
  added: JsonObject,
  usual: JsonObject = {},
): Map<string, string> {
  const theirs = members.get('_meta')
  const meta = new Map([
    ...textsOf(usual),
    ...(theirs?.startsWith('{') ? memberTexts(theirs) : []),
    ...textsOf(added),
  ])
  return meta.size === 0 ? members : members.set('_meta', objectText(meta))
}

function textsOf(members: JsonObject): (readonly [string, string])[] {
  return Object.entries(members).map(([name, value]) => [name, JSON.stringify(value)])
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

/** Discovered tools whose servers gave another definition than before. */
import { clip } from '#core/plain-text'
import type { Db } from '#store'
import {
  type Endpoint,
  type EndpointDefinition,
  type EndpointRow,
  isHttp,
  type ToolDefinition,
} from './listing.js'
import type { Redefined } from './text-flags.js'
import { changesBetween } from './version-changes.js'
import type { StoredEndpoint } from './versions.js'

const MAX_WORDS = 160

/**
 * What changed of the tools that were sold before under another definition. What the operator changed
 * by hand is no such change.
 */
export function redefinedIn(
  definitions: ReadonlyMap<string, ToolDefinition>,
  before: ReadonlyMap<string, StoredEndpoint>,
): Redefined[] {
  return [...definitions].flatMap(([slug, now]) => {
    const stored = before.get(slug)
    if (!stored) return []
    const known: EndpointDefinition = JSON.parse(stored.text)
    if (isHttp(known) || hashOf(known) === hashOf(now)) return []
    const version = stored.version + 1
    return [{ endpointId: stored.endpointId, version, excerpt: excerptOf(known, now, version) }]
  })
}

/**
 * Whether the server has another tool behind this version by now: its arguments might come to mean
 * something else there.
 */
export async function isRedefined(
  db: Db,
  { definition, version, endpointId }: Endpoint,
  latestVersion: number,
): Promise<boolean> {
  if (isHttp(definition) || definition.backend.type !== 'mcp') return false
  if (version === latestVersion) return false
  const latest = await db<EndpointRow>('endpoint_versions')
    .where({ endpoint_id: endpointId, version: latestVersion })
    .first('definition')
  return hashOf(JSON.parse(latest!.definition)) !== hashOf(definition)
}

function hashOf({ backend }: ToolDefinition): string | undefined {
  return backend.type === 'mcp' ? backend.definition_hash : undefined
}

/** The version is in it, so that going back and forth is flagged each time. */
function excerptOf(before: ToolDefinition, now: ToolDefinition, version: number): string {
  const parts = changesBetween(before, now).filter((part) => part !== 'backend')
  const what = parts.join(', ') || 'what is not shown'
  const words =
    before.description === now.description ? '' : `: ${clip(now.description, MAX_WORDS)}`
  return `version ${version} changed ${what}${words}`
}

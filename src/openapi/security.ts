/** The one credential of a listing, out of the security schemes of a document. */
import { isHeaderName, isReservedHeader } from '#upstreams'
import { follow, listOf, type Members, membersOf, textOf, type Warn, wordOf } from './document.js'
import type { Credential } from './operation.js'

const NONE: Credential = { type: 'none' }

/**
 * The scheme that the document asks for everywhere, else the one that most operations ask for. A
 * scheme that needs more than a fixed secret is warned of.
 */
export function credentialOf(
  root: Members,
  operations: readonly { operation: Members }[],
  warn: Warn,
): Credential {
  const schemes = membersOf(membersOf(root.components).securitySchemes)
  const uses = new Map<string, number>()
  for (const { operation } of operations) {
    for (const name of namesIn(operation.security)) uses.set(name, (uses.get(name) ?? 0) + 1)
  }
  const mostUsed = [...uses].sort(([, a], [, b]) => b - a).map(([name]) => name)
  const asked = [...namesIn(root.security), ...mostUsed]
  // Some documents describe a scheme and forget to ask for it.
  const candidates = asked.length > 0 ? asked : Object.keys(schemes)
  for (const name of new Set(candidates)) {
    const scheme = follow(root, schemes[name])
    const credential = credentialFor(scheme)
    if (credential === undefined) continue
    const at = `/components/securitySchemes/${name}`
    if (asked.length === 0) warn(at, 'No operation asks for it; it is sent with each of them.')
    if (scheme?.type === 'oauth2' || scheme?.type === 'openIdConnect') {
      warn(at, 'A fixed bearer token is sent; Souk does not fetch or renew it.')
    }
    return credential
  }
  const [first] = candidates
  if (first !== undefined) {
    warn('/components/securitySchemes', `The scheme "${first}" cannot be expressed; none is sent.`)
  }
  return NONE
}

function namesIn(security: unknown): string[] {
  return listOf(security).flatMap((requirement) => Object.keys(membersOf(requirement)))
}

function credentialFor(scheme: Members | undefined): Credential | undefined {
  const kind = wordOf(scheme?.scheme).toLowerCase()
  switch (scheme?.type) {
    case 'apiKey': {
      const name = textOf(scheme.name)
      const place = scheme.in
      const isHeader = place === 'header' && isHeaderName(name ?? '') && !isReservedHeader(name!)
      const isPlace = isHeader || place === 'query'
      return name !== undefined && isPlace ? { type: place, name } : undefined
    }
    case 'http':
      return kind === 'bearer' || kind === 'basic' ? { type: kind } : undefined
    case 'oauth2':
    case 'openIdConnect':
      return { type: 'bearer' }
    default:
      return undefined
  }
}

/** Whether the credential alone fulfils one of the alternatives that an operation asks for. */
export function isSatisfied(root: Members, operation: Members, credential: Credential): boolean {
  const security = operation.security ?? root.security
  const alternatives = listOf(security).map((requirement) => Object.keys(membersOf(requirement)))
  if (alternatives.length === 0) return true
  const schemes = membersOf(membersOf(root.components).securitySchemes)
  return alternatives.some((names) =>
    names.every((name) => {
      const wanted = credentialFor(follow(root, schemes[name]))
      return wanted?.type === credential.type && wanted.name === credential.name
    }),
  )
}

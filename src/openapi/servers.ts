/** Which server of a document its listing calls. */
import { Problem } from '#core/problem'
import { listOf, type Members, membersOf, notOpenApi, wordOf } from './document.js'

/**
 * The first server that can be called, preferably over https; where the document names none, the
 * first of an operation.
 *
 * @param foundAt where the document was found: relative servers are taken from there.
 * @throws Problem `invalid_request` when there is none.
 */
export function baseUrlOf(
  root: Members,
  operations: readonly { item: Members; operation: Members }[],
  foundAt: string | undefined,
): string {
  const ofAll = listOf(root.servers)
  const listed = ofAll.length > 0 ? ofAll : operations.flatMap(ownServers)
  const urls = listed.flatMap((server) => serverUrl(server, foundAt) ?? [])
  const implied = ofAll.length === 0 ? serverUrl({ url: '/' }, foundAt) : undefined
  const url = urls.find((it) => it.startsWith('https:')) ?? urls[0] ?? implied
  if (url === undefined) throw notOpenApi('/servers', 'must name an absolute http or https URL')
  return url
}

/**
 * An operation may name servers of its own; a listing has one, which its credential belongs to.
 *
 * @throws Problem `invalid_request` with the reason why the operation is left out.
 */
export function checkServer(
  baseUrl: string,
  operation: { item: Members; operation: Members },
): void {
  const own = ownServers(operation)
  const urls = own.map((server) => serverUrl(server, baseUrl))
  if (own.length === 0 || urls.includes(baseUrl)) return
  const named = urls.find((url) => url !== undefined) ?? 'one that cannot be called'
  throw new Problem('invalid_request', `it has a server of its own, ${named.slice(0, 200)}`)
}

function ownServers({ item, operation }: { item: Members; operation: Members }): unknown[] {
  const own = listOf(operation.servers)
  return own.length > 0 ? own : listOf(item.servers)
}

/** Variables take their defaults. Query, fragment and trailing slash are no part of a base URL. */
function serverUrl(server: unknown, base: string | undefined): string | undefined {
  const { url, variables } = membersOf(server)
  if (typeof url !== 'string') return undefined
  const filled = url.trim().replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = membersOf(membersOf(variables)[name])
    const value = variable.default ?? listOf(variable.enum)[0]
    return value === undefined ? whole : wordOf(value)
  })
  if (/[{}]/.test(filled) || !URL.canParse(filled, base)) return undefined
  const { protocol, origin, pathname, username } = new URL(filled, base)
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '') return undefined
  return origin + pathname.replace(/\/+$/, '')
}

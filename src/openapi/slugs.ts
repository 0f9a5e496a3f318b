/** Names of endpoints that read well and stay the same wherever an operation stands in its document. */
import { sha256Hex } from '#core/canonical-json'
import { kebabOf } from './document.js'

/** What names an operation. */
export type Named = { method: string; path: string; id: string | undefined }

const MAX_CHARS = 64
const HASH_CHARS = 8

/**
 * A slug for each operation, by its place in the list: the words of its id without the name of the
 * service, else of method and path. Operations of one name are told apart by their method, or by a
 * hash of method and path; the order of the list changes no slug.
 *
 * @param service names of the service, such as `GitHub v3`: an id that begins with the first of the
 *   words loses it.
 */
export function slugsOf(operations: readonly Named[], service: readonly string[]): string[] {
  const prefixes = service.map((name) => squash(name.split(/[\s:–—-]/, 1)[0] ?? ''))
  const plain = operations.map((operation) => plainSlug(operation, prefixes))
  const sharing = new Map<string, Map<string, number>>()
  for (const [i, slug] of plain.entries()) {
    const methods = sharing.get(slug) ?? new Map<string, number>()
    const { method } = operations[i]!
    sharing.set(slug, methods.set(method, (methods.get(method) ?? 0) + 1))
  }
  return operations.map(({ method, path }, i) => {
    const slug = plain[i]!
    const methods = sharing.get(slug)!
    const isAlone = methods.get(method) === 1
    if (isAlone && methods.size === 1) return slug
    const named = `${slug}-${method.toLowerCase()}`
    if (isAlone && named.length <= MAX_CHARS && !sharing.has(named)) return named
    const hash = sha256Hex(`${method} ${path}`).slice(0, HASH_CHARS)
    return `${slug.slice(0, MAX_CHARS - HASH_CHARS - 1).replace(/-$/, '')}-${hash}`
  })
}

function plainSlug({ method, path, id = '' }: Named, prefixes: readonly string[]): string {
  return (
    withoutService(kebabOf(id), prefixes) || kebabOf(`${method} ${path}`) || method.toLowerCase()
  )
}

/** `you-tube-videos-list` of the service `YouTube` is `videos-list`. */
function withoutService(slug: string, prefixes: readonly string[]): string {
  const words = slug.split('-')
  for (let count = 1; count < words.length; count++) {
    if (prefixes.includes(words.slice(0, count).join(''))) return words.slice(count).join('-')
  }
  return slug
}

function squash(name: string): string {
  return kebabOf(name).replaceAll('-', '')
}

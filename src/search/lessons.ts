/** What past searches taught: which endpoints were bought after asking for which words. */
import type { Lesson } from './search.js'
import { stemOf } from './words.js'

export type Lessons = {
  /** Replaces what was learned of an endpoint. */
  put(lesson: Lesson): void
  /** How strongly endpoints belong to these stems on the average, 0 to 1; only those that do. */
  of(stems: readonly string[]): Map<string, number>
  clear(): void
}

export function createLessons(): Lessons {
  const byEndpoint = new Map<string, Map<string, number>>()
  const endpointsOf = new Map<string, Map<string, number>>()

  return {
    put({ endpointId, words }) {
      for (const stem of byEndpoint.get(endpointId)?.keys() ?? []) {
        const endpoints = endpointsOf.get(stem)
        endpoints?.delete(endpointId)
        if (endpoints?.size === 0) endpointsOf.delete(stem)
      }
      byEndpoint.delete(endpointId)
      const stems = stemsIn(words)
      if (stems.size === 0) return
      byEndpoint.set(endpointId, stems)
      for (const [stem, strength] of stems) {
        const endpoints = endpointsOf.get(stem) ?? new Map<string, number>()
        endpointsOf.set(stem, endpoints.set(endpointId, strength))
      }
    },
    of(stems) {
      const sums = new Map<string, number>()
      for (const stem of stems) {
        for (const [endpointId, strength] of endpointsOf.get(stem) ?? []) {
          sums.set(endpointId, (sums.get(endpointId) ?? 0) + strength / stems.length)
        }
      }
      return sums
    },
    clear() {
      byEndpoint.clear()
      endpointsOf.clear()
    },
  }
}

/** Of the inflected forms of a word the strongest counts. */
function stemsIn(words: Lesson['words']): Map<string, number> {
  const stems = new Map<string, number>()
  for (const [word, strength] of Object.entries(words)) {
    const stem = stemOf(word)
    stems.set(stem, Math.max(strength, stems.get(stem) ?? 0))
  }
  return stems
}

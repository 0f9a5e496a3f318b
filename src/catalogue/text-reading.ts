/** Looks for suspect texts in many versions at once, of which most have the same texts. */
import { endpointNamesIn, isSuspectJson } from './text-flags.js'

/** What the texts of a version show at a glance: whether they need a closer look. */
export type TextReading = {
  isSuspect: boolean
  /** What looks like ids of endpoints, which may be others'. */
  names: string[]
}

/**
 * Reads definitions one after the other; a text that was read before is not read again, nor is an
 * object that they share, so none of them may change meanwhile.
 */
export function createTextReader(): (definition: unknown) => TextReading {
  const known = new Map<string, TextReading>()
  const harmless = new WeakSet<object>()
  return (definition) => {
    const { strings, objects } = partsOf(definition, harmless)
    const reading = readStrings(strings)
    const isHarmless = !reading.isSuspect && reading.names.length === 0
    if (isHarmless) for (const object of objects) harmless.add(object)
    return reading
  }

  function readStrings(strings: readonly string[]): TextReading {
    const fresh: string[] = []
    const reading: TextReading = { isSuspect: false, names: [] }
    for (const text of strings) {
      const before = known.get(text)
      if (before) add(reading, before)
      else {
        known.set(text, HARMLESS)
        fresh.push(text)
      }
    }
    const together = JSON.stringify(fresh)
    if (!isSuspectJson(together) && endpointNamesIn(together).length === 0) return reading
    for (const text of fresh) {
      const json = JSON.stringify(text)
      const own = { isSuspect: isSuspectJson(json), names: endpointNamesIn(json) }
      if (!own.isSuspect && own.names.length === 0) continue
      known.set(text, own)
      add(reading, own)
    }
    return reading
  }
}

const HARMLESS: TextReading = { isSuspect: false, names: [] }

function add(reading: TextReading, { isSuspect, names }: TextReading): void {
  reading.isSuspect ||= isSuspect
  reading.names.push(...names)
}

/** All texts within a JSON value, names of members too, and its objects, but for those in `known`. */
function partsOf(root: unknown, known: WeakSet<object>): { strings: string[]; objects: object[] } {
  const strings: string[] = []
  const objects: object[] = []
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') strings.push(value)
    if (typeof value !== 'object' || value === null || known.has(value)) continue
    objects.push(value)
    if (!Array.isArray(value)) strings.push(...Object.keys(value))
    open.push(...Object.values(value))
  }
  return { strings, objects }
}

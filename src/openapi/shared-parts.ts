/**
 * Parts of schemas that were written out before. Operations share most of what they describe; a part
 * is taken again only where writing it out anew would give the same, so that no operation's schema
 * depends on which others stand before it.
 */

/** What was met while a part was written out. */
export type Tally = {
  nodes: number
  chars: number
  /** Of all patterns, in instructions. */
  patterns: number
  /** The deepest level that was written, counted from the schema's root. */
  deepest: number
  /** Whether something was too deep to be written. */
  isCut: boolean
  /** The lowest place among the open references that was met again. */
  circleAt: number
  /** Targets of the references that were written out. */
  within: Set<object>
  /** Place and message of what was lost. */
  warnings: [at: string, message: string][]
}

/** A part as it was written out at `level`, reaching `height` levels further. */
export type Converted = Tally & { schema: unknown; level: number; height: number }

export function startTally(level: number): Tally {
  return {
    ...{ nodes: 0, chars: 0, patterns: 0, deepest: level, isCut: false },
    ...{ circleAt: Number.POSITIVE_INFINITY, within: new Set(), warnings: [] },
  }
}

/** What a part at `level` adds to the one around it, its size aside. */
export function addTally(tally: Tally, part: Converted, level: number): void {
  tally.patterns += part.patterns
  tally.deepest = Math.max(tally.deepest, level + part.height)
  tally.isCut ||= part.isCut
  tally.circleAt = Math.min(tally.circleAt, part.circleAt)
  for (const target of part.within) tally.within.add(target)
  tally.warnings.push(...part.warnings)
}

export type SharedParts = {
  /** The part as it would be written out at `level` below the `open` references, if that is known. */
  find(
    part: object,
    level: number,
    maxLevels: number,
    open: readonly object[],
  ): Converted | undefined
  /** A part that met none of the references open around it. */
  keep(part: object, converted: Converted): void
}

/** What an import remembers. */
export type Memory = {
  /** Parts written out with the same detail for the same direction. */
  sharedParts(kind: string): SharedParts
  /** The size of each pattern, or why it is dropped. */
  patternSizes: Map<string, number | string>
}

export function createMemory(): Memory {
  const kinds = new Map<string, SharedParts>()
  return {
    patternSizes: new Map(),
    sharedParts(kind) {
      const known = kinds.get(kind) ?? createSharedParts()
      kinds.set(kind, known)
      return known
    },
  }
}

function createSharedParts(): SharedParts {
  const kept = new Map<object, Converted[]>()
  const metOnce = new WeakSet<object>()
  return {
    find: (part, level, maxLevels, open) =>
      kept.get(part)?.find((it) => {
        const isSame = it.isCut ? it.level === level : level + it.height <= maxLevels
        // The part itself is the last open reference, or none.
        return isSame && !open.some((target) => target !== part && it.within.has(target))
      }),
    keep(part, converted) {
      // Most parts are used once; those are not worth their memory.
      if (!metOnce.has(part)) metOnce.add(part)
      else kept.set(part, [...(kept.get(part) ?? []), converted])
    },
  }
}

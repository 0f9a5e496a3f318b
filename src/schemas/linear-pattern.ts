/** Regular expressions of strangers, in an engine that never backtracks. */
import { RE2JS } from 're2js'

/** Instructions of one compiled pattern, at most; compiling this many takes some 15 ms. */
export const MAX_PATTERN_SIZE = 5_000
const MAX_PATTERN_CHARS = 4_000

/**
 * An ECMAScript pattern that runs in time linear in its input.
 *
 * @throws Error with the reason: not a pattern, look-around, a back-reference, or too large.
 */
export function linearRegExp(source: string): RE2JS {
  if (source.length > MAX_PATTERN_CHARS) throw new Error('is too long')
  const expanded = expandedSize(source)
  if (expanded > MAX_PATTERN_SIZE) throw new Error('repeats too much')
  return RE2JS.compile(RE2JS.translateRegExp(source))
}

const TOKEN = /\\.|\[(?:\\.|[^\]\\])*\]|\{(?<least>\d+)(?:,(?<most>\d*))?\}|./gsu

/**
 * An upper bound of a pattern's instructions, taken without compiling it: `(a{9}){9}` is short to
 * write and long to compile.
 *
 * @throws Error for the two escapes that RE2 reads otherwise than ECMAScript does.
 */
function expandedSize(source: string): number {
  const groups = [0]
  let last = 0
  for (const { 0: token, groups: counts } of source.matchAll(TOKEN)) {
    if (token === '\\k') throw new Error('has a back-reference')
    if (token === '\\Q') throw new Error('has an unknown escape')
    if (token === '(') {
      groups.push(0)
    } else if (token === ')' && groups.length > 1) {
      last = 2 + groups.pop()!
      groups.push(groups.pop()! + last)
    } else if (counts?.least !== undefined) {
      const times = Math.max(1, Number(counts.least), Number(counts.most ?? 0))
      groups.push(groups.pop()! + last * (times - 1))
      last *= times
    } else {
      last = 1
      groups.push(groups.pop()! + last)
    }
  }
  return groups.reduce((sum, size) => sum + size, 0)
}

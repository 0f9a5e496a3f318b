import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newId } from '#core/ids'
import { ancestryOf, traceFor } from './ancestry.js'

const KEY = Buffer.alloc(32, 1)

/** The trace that the last of these calls, each made in the course of the one before, is sent. */
function traceOf(endpointIds: readonly string[]): string | undefined {
  let trace: string | undefined
  for (const endpointId of endpointIds) {
    trace = traceFor(KEY, newId('call', 1), ancestryOf(KEY, trace, endpointId))
  }
  return trace
}

const different = (count: number) => Array.from({ length: count }, (_, i) => `wiki.search-${i}`)

describe('calls within one another', () => {
  test('know the call in whose course they are made', () => {
    const callId = newId('call', 1)
    const first = ancestryOf(KEY, undefined, 'wiki.search')
    expect(first.parentCallId).toBeNull()
    const second = ancestryOf(KEY, traceFor(KEY, callId, first), 'wiki.read')
    expect(second.parentCallId).toBe(callId)
  })

  test('are at most eight', () => {
    const trace = traceOf(different(7))
    expect(ancestryOf(KEY, trace, 'last.one').marks).toHaveLength(8)
    expect(() => ancestryOf(KEY, traceOf(different(8)), 'one.more')).toThrow(
      expect.objectContaining({ code: 'call_depth_exceeded' }),
    )
  })

  test('are at most two of the same endpoint', () => {
    const trace = traceOf(['a.a', 'b.b', 'a.a'])
    expect(ancestryOf(KEY, trace, 'b.b').marks).toHaveLength(4)
    expect(() => ancestryOf(KEY, trace, 'a.a')).toThrow(
      expect.objectContaining({ code: 'call_depth_exceeded' }),
    )
  })
})

describe('a trace', () => {
  test('with any character changed is refused', () => {
    const trace = traceOf(['a.a', 'b.b'])!
    const place = fc.nat(trace.length - 2)
    fc.assert(
      fc.property(place, fc.constantFrom(...'abcXYZ019-_.'), (at, char) => {
        fc.pre(trace[at] !== char)
        const forged = trace.slice(0, at) + char + trace.slice(at + 1)
        expect(() => ancestryOf(KEY, forged, 'c.c')).toThrow(/not one that this gateway gave/)
      }),
    )
  })

  test('that is any other text, or of another key, is refused', () => {
    expect(() => ancestryOf(Buffer.alloc(32, 2), traceOf(['a.a']), 'b.b')).toThrow(/not one/)
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => ancestryOf(KEY, text, 'b.b')).toThrow(/not one/)
      }),
    )
  })
})

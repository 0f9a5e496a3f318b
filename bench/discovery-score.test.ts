import { describe, expect, test } from 'vitest'
import type { Query } from './discovery-rows.js'
import { scoresOf } from './discovery-score.js'

/** Two are relevant, of which the second place and the fifth have one each. */
const query: Query = { id: 'q1', set: 'a', query: 'two things', relevant: ['r1', 'r2'] }
const found = ['x1', 'r1', 'x2', 'x3', 'r2']

describe('scores', () => {
  test('are those that one works out by hand', () => {
    const { macro } = scoresOf([query], new Map([['q1', found]]), {})
    const gain = 1 / Math.log2(3) + 1 / Math.log2(6)
    expect(macro).toEqual({
      recall1: 0,
      recall5: 1,
      recall10: 1,
      hit5: 1,
      ndcg10: expect.closeTo(gain / (1 + 1 / Math.log2(3)), 12),
      mrr: 0.5,
    })
  })

  test('count an answer once under all its names, and ten places', () => {
    const others = Array.from({ length: 8 }, (_, at) => `x${at}`)
    const answers = new Map([['q1', ['copy of r1', 'r1', ...others, 'r2', 'x9']]])
    const { recall1, recall10 } = scoresOf([query], answers, { 'copy of r1': 'r1' }).macro
    expect(recall1).toBe(0.5)
    expect(recall10).toBe(1)
    const later = new Map([['q1', ['r1', ...others, 'x8', 'r2']]])
    expect(scoresOf([query], later, {}).macro.recall10).toBe(0.5)
  })

  test('pass over what nobody judged', () => {
    const asked = { ...query, ignore: ['x'] }
    const { mrr, ndcg10 } = scoresOf([asked], new Map([['q1', found]]), {}).macro
    expect({ mrr, ndcg10 }).toEqual({ mrr: 1, ndcg10: 1 })
  })

  test('are 0 for a query without an answer, and count each set once', () => {
    const queries = [
      query,
      { ...query, id: 'q2' },
      { ...query, id: 'q3', set: 'b', relevant: ['r3'] },
    ]
    const answers = new Map([
      ['q1', ['r1', 'r2']],
      ['q3', ['r3']],
    ])
    const { sets, macro } = scoresOf(queries, answers, {})
    expect(sets.a).toMatchObject({ queries: 2, recall1: 0.25, recall5: 0.5, mrr: 0.5 })
    expect(sets.b).toMatchObject({ queries: 1, recall1: 1, recall5: 1, mrr: 1 })
    expect(macro).toMatchObject({ recall1: 0.625, recall5: 0.75, mrr: 0.75 })
  })
})

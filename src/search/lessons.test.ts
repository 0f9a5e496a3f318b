import { expect, test } from 'vitest'
import { createLessons } from './lessons.js'

test('an endpoint belongs to words as strongly as on the average, by the strongest form of each', () => {
  const lessons = createLessons()
  lessons.put({ endpointId: 'a.b', words: { brolly: 0.2, brollies: 0.6, rain: 0.1 } })
  lessons.put({ endpointId: 'c.d', words: { rain: 0.4 } })
  expect(lessons.of(['brolly'])).toEqual(new Map([['a.b', 0.6]]))
  expect(lessons.of(['rain', 'tomorrow']).get('c.d')).toBeCloseTo(0.2)
  expect(lessons.of(['tomorrow']).size).toBe(0)
})

test('what is put replaces all that was known of the endpoint', () => {
  const lessons = createLessons()
  lessons.put({ endpointId: 'a.b', words: { brolly: 0.5 } })
  lessons.put({ endpointId: 'a.b', words: { rain: 0.5 } })
  expect(lessons.of(['brolly']).size).toBe(0)
  lessons.put({ endpointId: 'a.b', words: {} })
  expect(lessons.of(['rain']).size).toBe(0)
})

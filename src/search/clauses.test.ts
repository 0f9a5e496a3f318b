import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clausesOf } from './clauses.js'

const stemsIn = (query: string) =>
  clausesOf(query).map(({ words }) => words.map(({ stem }) => stem).join(' '))

test.each([
  ['weather in Oslo', ['weather oslo']],
  ['Translate a text into French and check its spelling', ['translat text french', 'check spell']],
  [
    'Hotel rooms near the beach, cheap flights. Also rent a car!',
    ['hotel room near beach', 'cheap flight', 'rent car'],
  ],
  ['send a text message and wait', ['send text messag wait']],
  ['get me the API', []],
  // Nothing but glue, but an identifier.
  ['getAll', ['getall']],
  ['call getAll for tides', ['tide']],
])('%j wants', (query, clauses) => {
  expect(stemsIn(query)).toEqual(clauses)
})

test.each([
  ['list all invoices', 'GET'],
  ['cancel my booking', 'DELETE'],
  ['change the address', 'PUT'],
  ['invoices', ''],
])('%j asks for the method %j', (query, method) => {
  expect(clausesOf(query)[0]?.method).toBe(method)
})

test('a word that only makes a sentence counts less', () => {
  expect(clausesOf('hello, tides')[0]?.words).toEqual([
    { stem: 'hello', share: 0.3 },
    { stem: 'tide', share: 1 },
  ])
})

test('there are never more than eight, and no word gets lost', () => {
  const words = fc.array(fc.stringMatching(/^[b-df-hj-np-tv-z]{6}$/), { maxLength: 60 })
  fc.assert(
    fc.property(words, fc.constantFrom(', ', ' and ', '. ', ' '), (said, between) => {
      const clauses = clausesOf(said.join(between))
      expect(clauses.length).toBeLessThanOrEqual(8)
      expect(clauses.flatMap((clause) => clause.words)).toHaveLength(said.length)
    }),
  )
})

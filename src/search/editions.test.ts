import { expect, test } from 'vitest'
import { createEditions, type Editions } from './editions.js'

const asked = (word: number) => [{ weight: 1, words: new Map([[word, 1]]) }]
const textsWith = (editions: Editions, word: number) =>
  [...editions.scores(asked(word), 4)].flatMap((score, text) => (score > 0 ? [text] : []))

function fold(editions: Editions): void {
  const folding = editions.fold()
  while (!folding.next().done);
}

test('only the latest edition of a text counts, before a fold and after it', () => {
  const editions = createEditions()
  editions.put(1, new Map([[7, 0.5]]))
  editions.put(2, new Map([[7, 0.5]]))
  editions.put(3, new Map([[7, 0.5]]))
  editions.put(1, new Map([[8, 0.5]]))
  editions.remove(2)
  for (let folds = 0; folds < 3; folds++) {
    expect(textsWith(editions, 7)).toEqual([3])
    expect(textsWith(editions, 8)).toEqual([1])
    fold(editions)
  }
})

test('a fold forgets past editions: a word is as rare as it is now', () => {
  const editions = createEditions()
  for (let round = 0; round < 50; round++) editions.put(0, new Map([[7, 0.5]]))
  editions.put(1, new Map([[8, 0.5]]))
  editions.put(2, new Map([[9, 0.5]]))
  fold(editions)
  const [of7] = editions.scores(asked(7), 4)
  expect(of7).toBeCloseTo(editions.scores(asked(8), 4)[1]!, 6)
})

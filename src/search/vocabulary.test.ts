import { expect, test } from 'vitest'
import { createVocabulary } from './vocabulary.js'

const words = [
  'weather',
  'whether',
  'weathered',
  'wether',
  'forecast',
  'zo\u00eb',
  'x2',
  'weatherman',
]
const vocabulary = createVocabulary([...words])
const all = () => true
const similar = (word: string, isThere: (word: number) => boolean = all) =>
  vocabulary.similarTo(word, isThere).map((number) => words[number])

test.each([
  ['forcast', ['forecast']],
  ['forecats', ['forecast']],
  ['wheather', ['weather', 'whether']],
  ['eather', []],
  ['weth', []],
  ['3orecast', []],
])('%j may be %j', (word, meant) => {
  expect(similar(word)).toEqual(meant)
})

test('words that are not there are no guess, however near they are', () => {
  expect(similar('wheather', (number) => words[number] === 'whether')).toEqual(['whether'])
  const isLong = (number: number) => words[number]!.length > 7
  const begun = vocabulary.beginningWith('weath', isLong)
  expect(begun.map((number) => words[number])).toEqual(['weathered', 'weatherman'])
})

test('words that came later are guessed, too', () => {
  const growing = createVocabulary()
  expect(growing.similarTo('harbuor', all)).toEqual([])
  const number = growing.numberOf('harbour')
  expect(growing.similarTo('harbuor', all)).toEqual([number])
  expect(growing.beginningWith('harb', all)).toEqual([number])
})

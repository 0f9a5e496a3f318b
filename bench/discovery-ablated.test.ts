import { describe, expect, test } from 'vitest'
import { editedTexts, readSource } from './discovery-ablated.js'
import { ABLATIONS } from './discovery-ablations.js'

describe('ablations', () => {
  test.each(ABLATIONS)('fit the source: $name', ({ edits }) => {
    for (const [file, text] of editedTexts(edits, readSource)) {
      expect(text).not.toBe(readSource(file))
    }
  })

  test('edit one file after the other, and one text again and again', () => {
    const edits = [
      { file: 'a', find: 'one', put: 'two' },
      { file: 'a', find: 'two', put: '$& three' },
      { file: 'b', find: '1', put: '2' },
    ]
    const edited = editedTexts(edits, (file) => (file === 'a' ? 'say one' : '1'))
    expect([...edited]).toEqual([
      ['a', 'say $& three'],
      ['b', '2'],
    ])
  })

  test.each(['nothing of it', 'one and one'])('are refused where the text is "%s"', (text) => {
    const edits = [{ file: 'a', find: 'one', put: 'two' }]
    expect(() => editedTexts(edits, () => text)).toThrow('not once: one')
  })
})

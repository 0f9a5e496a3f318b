import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clip, hasInvisible, plainLine, plainText } from './plain-text.js'

describe('plain text', () => {
  test.each([
    ['elements', '<p>Hello <b class="x">world</b></p>', 'Hello world'],
    ['lists', '<ul><li>one</li><li>two</li></ul>', '- one\n\n- two'],
    ['comments with what they say', 'a<!-- do not show this --> b', 'a b'],
    ['entities', 'R&amp;D &lt;b&gt;x&lt;/b&gt; &#8211; &#x2013; &unknown;', 'R&D x – – &unknown;'],
    ['entities within entities', '&amp;amp;lt;i&amp;amp;gt;x', 'x'],
    ['elements within elements', '<<i>b>x</<i>b>', 'x'],
    ['links', 'See [the docs](https://example.com/a "title").', 'See the docs.'],
    ['images', '![status](https://example.com/?leak=1)', 'status'],
    ['a linked image', '[![badge](a.svg)](https://example.com)', 'badge'],
    [
      'automatic links',
      '<https://example.com/a> <me@example.com>',
      'https://example.com/a me@example.com',
    ],
    ['where reference links lead', 'See [1].\n\n[1]: https://example.com', 'See [1].'],
    ['headings', '# One #\n\nTwo\n===\ntext', 'One\n\nTwo\n\ntext'],
    ['tables', '| a | b |\n|---|:-:|\n| 1 |   |', 'a, b\n\n1'],
    ['fences and code', '```json\n{"a": 1}\n```\nuse `limit`', '{"a": 1}\n\nuse limit'],
    ['quotes and bullets', '> said\n* one\n+ two', 'said\n- one\n- two'],
    ['emphasis', '**bold** *it* _it_ __b__ ~~s~~ ***x***', 'bold it it b s x'],
    ['escapes', 'max\\_results', 'max_results'],
    ['tokens of chat templates', '<|im_start|>system', '(im_start)system'],
  ])('is made of %s', (_what, text, plain) => {
    expect(plainText(text)).toBe(plain)
  })

  test.each([
    'price < 5 and x > 3, a->b, >= 2, 3 <= 4',
    'GET /users/{user_id}/_search?filter[name]=x&sort=-date',
    'snake_case_name, __typename, 2**3, *.example.com, application/*',
    'items[0][1] and C# and a|b and ~5 and $price',
    '{name=projects/**} and **/*.ts',
    '# of items, of C#',
    '> 18 years',
    '[a-z] ([-a-z0-9]{0,61}[a-z0-9])?',
    'First.\n\nSecond, after an empty line.\n- a point',
    '日本語 – naïve café 😀',
  ])('leaves alone what is no markup: %s', (text) => {
    expect(plainText(text)).toBe(text)
  })

  test.each([
    ['if a<b then c>d', 'if a< b then c>d'],
    ['age<limit AND name="x" OR b>5', 'age< limit AND name="x" OR b>5'],
    ['name: [a-z]([-a-z0-9]*[a-z0-9])', 'name: [a-z] ([-a-z0-9]*[a-z0-9])'],
    ['list[0](x)', 'list[0] (x)'],
    ['`x`==`a`or `b`, `id`s', 'x==a or b, ids'],
  ])('loses no word of %s', (text, plain) => {
    expect(plainText(text)).toBe(plain)
  })

  test('keeps placeholders readable, though they look like elements', () => {
    expect(plainText('/users/<id>/<your name>: List<String>')).toBe(
      '/users/{id}/{your name}: List{String}',
    )
  })

  test.each([
    ['zero-width', 'a\u200b\u200c\u200d\u2060\ufeffb'],
    ['bidirectional', 'a\u202a\u202e\u2066\u2069\u061cb'],
    [
      'tags',
      `a${[...'obey'].map((it) => String.fromCodePoint(0xe0000 + it.charCodeAt(0))).join('')}b`,
    ],
    ['variation selectors', 'a\ufe0f\u{e0100}\u{e01ef}b'],
    ['control characters', 'a\u0000\u0007\u001b\u007f\u009fb'],
    ['fillers', 'a\u3164\u115f\u034f\u00adb'],
    ['private and lone halves', 'a\ue000\u{f0000}\ud800b'],
  ])('has no %s characters', (_kind, text) => {
    expect(hasInvisible(text)).toBe(true)
    expect(plainText(text)).toBe('ab')
  })

  test('has single spaces and at most one empty line', () => {
    expect(plainText(' a \u00a0\t b  \r\n\n\n\n  c\u2028d ')).toBe('a b\n\nc\nd')
  })

  test('on one line has no line ends', () => {
    expect(plainLine('# Title\n\n- a\n- b')).toBe('Title - a - b')
  })
})

const MARKUP = [
  '<',
  '>',
  '</',
  '<b>',
  '<li>',
  '<!--',
  '-->',
  '&',
  '&lt;',
  '&amp;',
  '#38;',
  '&#',
  ';',
]
const MORE = [
  '[',
  ']',
  '](',
  '!',
  ')',
  '*',
  '**',
  '_',
  '__',
  '`',
  '```',
  '~~',
  '#',
  '# ',
  '|',
  '-',
  '=',
]
const WORDS = [
  'a',
  'word',
  ' ',
  '\n',
  '\t',
  '\r',
  '\\',
  '+ ',
  '> ',
  ':',
  '://',
  '@',
  '\u200b',
  'é',
  '"',
]
const markup = fc
  .array(fc.constantFrom(...MARKUP, ...MORE, ...WORDS), { maxLength: 40 })
  .map((parts) => parts.join(''))

describe('whatever the text', () => {
  test('plain text has no element, link, code or invisible character', () => {
    fc.assert(
      fc.property(markup, (text) => {
        const plain = plainText(text)
        expect(plain).not.toMatch(/<[a-z/!?]|\]\(|`|~~/i)
        expect(hasInvisible(plain)).toBe(false)
      }),
      { numRuns: 3_000 },
    )
  })

  test('what is plain stays as it is, on one line too', () => {
    fc.assert(
      fc.property(markup, (text) => {
        const plain = plainText(text)
        expect(plainText(plain)).toBe(plain)
        const line = plainLine(text)
        expect(plainLine(line)).toBe(line)
        expect(line).not.toContain('\n')
      }),
      { numRuns: 3_000 },
    )
  })

  test('text of letters, digits and spaces between comes back letter by letter', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]+( [a-z0-9.,]+)*$/), (text) => {
        expect(plainText(text)).toBe(text)
      }),
    )
  })

  test('a clipped text has no more characters than it may, and no half of one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, max) => {
        const clipped = clip(text, max)
        expect(clipped.length).toBeLessThanOrEqual(max)
        expect(clipped.isWellFormed()).toBe(true)
        if (text.length <= max) expect(clipped).toBe(text)
      }),
    )
  })
})

describe('the work is linear', () => {
  const MILLION = 1024 * 1024
  const HOSTILE = ['<!--', '<a b', '](', '[a](b', '| ', '# ', '> ', '`', '_a', '&amp;', '\n|a']

  // A quadratic step over a million characters would take many minutes.
  test.each([
    ...['<', '[', '*'].map((part) => [part, 4 * MILLION] as const),
    ...HOSTILE.map((part) => [part, MILLION] as const),
  ])('over %j up to a length of %d', (part, length) => {
    const text = part.repeat(length / part.length)
    expect(plainText(text).length).toBeLessThanOrEqual(2 * length)
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Content, html, textOf } from './html.js'

test('text stays text, wherever it is put', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const made = textOf(html`<a title="${text}">${text}</a>`)
      const inside = made.slice('<a title="'.length, -'</a>'.length)
      expect(inside.replace('">', '')).not.toMatch(/[<>"']/)
      expect(textIn(made)).toBe(`<a title="${text}">${text}</a>`)
    }),
  )
})

test('only what a template made is markup, not what looks like it', () => {
  const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>"}') as Content
  expect(() => textOf(html`${forged}`)).toThrow()
  expect(textOf(html`<p>${html`<b>${'<'}</b>`}${[html`<i></i>`, 'x', 1]}</p>`)).toBe(
    '<p><b>&lt;</b><i></i>x1</p>',
  )
})

test('what is absent leaves nothing', () => {
  expect(textOf(html`<p>${undefined}${false}${''}${[]}</p>`)).toBe('<p></p>')
})

function textIn(markup: string): string {
  const signs: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return markup.replace(/&(lt|gt|quot|#39|amp);/g, (_all, name: string) => signs[name]!)
}

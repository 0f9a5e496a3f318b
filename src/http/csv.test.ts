import { expect, test } from 'vitest'
import { toCsv } from './csv.js'

/** The cells of one column, as they stand in the text. */
function cellsOf(...texts: string[]): string[] {
  const csv = toCsv(
    ['a'],
    texts.map((a) => ({ a })),
  )
  return csv.split('\r\n').slice(1, -1)
}

test('a table has a header and ends each line with CR LF, a cell that is missing being empty', () => {
  expect(toCsv(['a', 'b'], [{ a: '1', b: 'x' }, { b: 'y' }])).toBe('a,b\r\n1,x\r\n,y\r\n')
  expect(toCsv(['a', 'b'], [])).toBe('a,b\r\n')
})

test('a cell with a comma, a quote or a line break is quoted, its quotes doubled', () => {
  expect(toCsv(['a'], [{ a: 'x, "y"' }])).toBe('a\r\n"x, ""y"""\r\n')
  expect(toCsv(['a'], [{ a: 'x\ny' }])).toBe('a\r\n"x\ny"\r\n')
})

test('what a spreadsheet would run is a text there', () => {
  expect(cellsOf('=1+1', '+cmd', '-2+3', '@SUM(A1)', '\tx')).toEqual([
    ...["'=1+1", "'+cmd", "'-2+3", "'@SUM(A1)", "'\tx"],
  ])
  expect(cellsOf('=HYPERLINK("http://x","y")')).toEqual([`"'=HYPERLINK(""http://x"",""y"")"`])
})

test('an amount stays a number, a negative one too', () => {
  expect(cellsOf('-0.00105', '5', '0')).toEqual(['-0.00105', '5', '0'])
})

/** Tables as CSV by RFC 4180, for spreadsheets. */

/** What a spreadsheet would run as a formula, were it the first character of a cell. */
const FORMULA = /^[=+\-@\t\r\n]/
const NUMBER = /^-?\d+(\.\d+)?$/

/**
 * A header and a line for each row. A text that a spreadsheet would run gets an apostrophe in front,
 * which makes it a text there; numbers stay as they are.
 */
export function toCsv<C extends string>(
  columns: readonly C[],
  rows: readonly Partial<Record<C, string>>[],
): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? '')))
  return [columns, ...lines].map((cells) => `${cells.join(',')}\r\n`).join('')
}

function cell(text: string): string {
  const isSafe = NUMBER.test(text) || !FORMULA.test(text)
  const safe = isSafe ? text : `'${text}`
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

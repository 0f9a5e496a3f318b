/** Statements with `?` for their values, as PostgreSQL takes them. */
import { nameStatements } from './pipeline.js'

/** Gives a statement its numbers and the name by which the server knows it again. */
export function numberedStatements(): (sql: string) => { name: string; text: string } {
  const name = nameStatements()
  const known = new Map<string, { name: string; text: string }>()
  return (sql) => {
    const statement = known.get(sql) ?? { name: name(sql), text: numberParameters(sql) }
    known.set(sql, statement)
    return statement
  }
}

/** `?` as `$1`, `$2` … No statement of ours has one in a text. */
function numberParameters(sql: string): string {
  let number = 0
  return sql.replace(/\?/g, () => `$${++number}`)
}

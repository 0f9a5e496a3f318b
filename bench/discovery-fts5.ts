/** SQLite's full-text search as it comes: its own words, its own ranking, any word may match. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type OpenContender, RESULTS } from './discovery-contender.js'
import { wholeTextOf } from './discovery-texts.js'
import { rawWords } from './discovery-words.js'

export const openFts5: OpenContender = (rows, folder) => {
  const file = join(folder, 'fts5.db')
  const db = new Database(file)
  db.exec('create virtual table documents using fts5(id unindexed, text)')
  const insert = db.prepare('insert into documents (id, text) values (?, ?)')
  db.transaction(() => {
    for (const row of rows) insert.run(row.id, wholeTextOf(row))
  })()
  const select = db
    .prepare(`select id from documents where documents match ? order by rank limit ${RESULTS}`)
    .pluck()
  return {
    // Words in quotes: what looks like an operator is none.
    find: (query) => {
      const words = rawWords(query).map((word) => `"${word}"`)
      return words.length === 0 ? [] : (select.all(words.join(' OR ')) as string[])
    },
    indexBytes: statSync(file).size,
  }
}

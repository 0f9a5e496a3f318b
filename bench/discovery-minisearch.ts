/** MiniSearch with the options that it has by itself: any word may match. */
import MiniSearch from 'minisearch'
import { type OpenContender, RESULTS } from './discovery-contender.js'
import { FIELDS, textsOf } from './discovery-texts.js'

export const openMinisearch: OpenContender = (rows) => {
  const index = new MiniSearch({ fields: [...FIELDS] })
  for (const row of rows) index.add({ id: row.id, ...textsOf(row) })
  return {
    find: (query) =>
      index
        .search(query)
        .slice(0, RESULTS)
        .map(({ id }) => id as string),
  }
}

/**
 * An engine that Souk is compared with, in a process of its own, so that its memory is its own: it
 * takes the rows in, is asked, and says what that took.
 */
import { openBm25, openBm25f } from './discovery-bm25.js'
import type { EngineName, OpenContender } from './discovery-contender.js'
import { openFts5 } from './discovery-fts5.js'
import { askOrdered, residentBytes, serveOrder } from './discovery-measured.js'
import { openMinisearch } from './discovery-minisearch.js'
import { readRows } from './discovery-rows.js'

const OPEN: Record<Exclude<EngineName, 'souk'>, OpenContender> = {
  bm25: openBm25,
  bm25f: openBm25f,
  fts5: openFts5,
  minisearch: openMinisearch,
}

serveOrder(async (order) => {
  const { engine, files, folder } = order
  if (engine === 'souk') throw new Error('Souk has a process of another kind.')
  let { rows } = readRows(files)
  const documents = rows.length
  const startedAt = performance.now()
  const contender = OPEN[engine](rows, folder)
  const indexMs = performance.now() - startedAt
  rows = []
  const asked = await askOrdered(contender, order)
  const { indexBytes } = contender
  return {
    ...{ engine, documents, indexMs, memoryBytes: residentBytes() },
    ...(indexBytes !== undefined && { indexBytes }),
    ...asked,
  }
})

/** Souk in a process of its own: it is loaded, asked, indexed again, and says what that took. */
import { ABLATIONS, openAblated } from './discovery-ablations.js'
import { askOrdered, type Order, residentBytes, serveOrder } from './discovery-measured.js'
import { readRows } from './discovery-rows.js'
import { openOwnSearch, openSouk, type Souk } from './discovery-souk.js'

serveOrder(async (order) => {
  const souk = await openSouk(order.folder)
  const loaded = await souk.load(readRows(order.files).rows, say)
  say('asking')
  const asked = await askOrdered(souk, order)
  const memoryBytes = residentBytes()
  say('indexing the stored catalogue again')
  const again = await souk.reindexed('again', openOwnSearch)
  const indexBytes = await again.close()
  const ablations = order.withAblations ? await ablate(souk, order) : []
  const databaseBytes = souk.databaseBytes()
  await souk.close()
  return {
    ...{ engine: 'souk', documents: loaded.endpoints, indexMs: again.indexMs, indexBytes },
    ...{ memoryBytes, souk: { ...loaded, databaseBytes, ablations } },
    ...asked,
  }
})

async function ablate(souk: Souk, order: Order) {
  const measured = []
  for (const ablation of ABLATIONS) {
    const { name } = ablation
    say(`ablation: ${name}`)
    const index = await souk.reindexed('ablated', () => openAblated(':memory:', ablation))
    measured.push({ name, indexMs: index.indexMs, ...(await askOrdered(index, order)) })
    await index.close()
  }
  return measured
}

function say(line: string): void {
  console.error(`souk: ${line}`)
}

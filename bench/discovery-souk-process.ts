/** Souk in a process of its own: it is loaded, asked, indexed again, and says what that took. */
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openAblated } from './discovery-ablated.js'
import { askOrdered, type Order, residentBytes, serveOrder } from './discovery-measured.js'
import { readRows } from './discovery-rows.js'
import { openOwnSearch, openSouk, type Souk } from './discovery-souk.js'

/** Files of indices in the data folder, beside the gateway's own. */
const INDEX = 'again'
const ABLATED_INDEX = 'ablated'

serveOrder(async (order) => {
  const souk = await openSouk(order.folder)
  const loaded = await souk.load(readRows(order.files).rows, say)
  say('asking')
  const asked = await askOrdered(souk, order)
  const memoryBytes = residentBytes()
  say('indexing the stored catalogue again')
  const again = await souk.reindexed(INDEX, openOwnSearch)
  const indexBytes = await again.close()
  const ablations = await ablate(souk, order)
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
  for (const ablation of order.ablations) {
    const { name, changesIndex } = ablation
    say(`ablation: ${name}`)
    const [kept, file] = [join(order.folder, INDEX), join(order.folder, ABLATED_INDEX)]
    if (changesIndex) rmSync(file, { force: true })
    else copyFileSync(kept, file)
    const index = await souk.reindexed(ABLATED_INDEX, () => openAblated(ablation, file))
    measured.push({ name, indexMs: index.indexMs, ...(await askOrdered(index, order)) })
    await index.close()
  }
  return measured
}

function say(line: string): void {
  console.error(`souk: ${line}`)
}

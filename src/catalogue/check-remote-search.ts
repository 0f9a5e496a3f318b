/** Whether the search on a server is there, in step and of a version that is understood. */
import { type Checked, collectFindings } from '#core/findings'
import type { MeilisearchHealth, RemoteSearch } from '#search'
import { type Reader, settingOn } from '#store'
import { FOUND_BY_SEARCH } from './check-search.js'
import { CATALOGUE, CATALOGUE_NAME } from './revision.js'

/** The first version that knows all settings that are used. */
const LEAST_VERSION = [1, 18] as const
const MEANWHILE = 'the embedded index answers meanwhile'

/**
 * What a server says of its copy of the catalogue. To be behind is no fault: no gateway may run. To
 * hold another number of endpoints at the same revision is one.
 *
 * @param remoteOf the search under a name.
 */
export async function checkRemoteSearch(
  reader: Reader,
  remoteOf: (name: string) => RemoteSearch,
): Promise<Checked> {
  const found = collectFindings()
  const name = await settingOn(reader, CATALOGUE_NAME)
  if (name === undefined) return { ...found, checked: 'no gateway has used it yet' }
  try {
    const health = await remoteOf(name).health()
    const revision = Number((await settingOn(reader, CATALOGUE)) ?? 0)
    checkVersion(health, found)
    checkTasks(health, found)
    await checkStep({ health, revision, reader }, found)
    return { checked: checkedWords(health, revision), first: found.first, count: found.count }
  } catch (error) {
    found.add((error as Error).message.replace(/\.$/, ''), `see to the server; ${MEANWHILE}`)
    return { checked: '', first: found.first, count: found.count }
  }
}

type Findings = ReturnType<typeof collectFindings>

function checkVersion({ version }: MeilisearchHealth, found: Findings): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor, leastMinor] = LEAST_VERSION
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return
  found.add(`its version is ${version}`, `use ${LEAST_VERSION.join('.')} or later; ${MEANWHILE}`)
}

function checkTasks({ failedTasks, lastFailure }: MeilisearchHealth, found: Findings): void {
  if (failedTasks === 0) return
  const what = `${failedTasks} of its tasks have failed, the last one with ${lastFailure}`
  found.add(what, 'see why on the server, then delete its failed tasks there')
}

async function checkStep(
  { health, revision, reader }: { health: MeilisearchHealth; revision: number; reader: Reader },
  found: Findings,
): Promise<void> {
  if (health.documents === undefined) {
    if (!health.isBuilding) found.add('it has no index', `start a gateway; ${MEANWHILE}`)
    return
  }
  // What was changed since the revision was read may be there already.
  if (behind(health, revision) !== 0) return
  const published = await publishedCount(reader)
  if (published === health.documents) return
  const what = `it holds ${health.documents} endpoints, and ${published} are published`
  found.add(what, 'delete the index on the server: the gateway makes it anew')
}

async function publishedCount({ all }: Reader): Promise<number> {
  const [row] = await all<{ count: bigint }>(`select count(*) as count from ${FOUND_BY_SEARCH}`)
  return Number(row!.count)
}

/** Changes that are not on the server yet; `undefined` where its index says nothing of it. */
function behind({ revision }: MeilisearchHealth, current: number): number | undefined {
  const held = Number.parseInt(revision ?? '', 10)
  return Number.isNaN(held) ? undefined : current - held
}

function checkedWords(health: MeilisearchHealth, revision: number): string {
  const missing = behind(health, revision)
  const step = missing === 0 ? 'in step' : `${missing ?? 'all'} changes behind`
  const building = health.isBuilding ? ', another index is being made' : ''
  const held = health.documents === undefined ? 'no index yet' : `${health.documents} endpoints`
  return `Meilisearch ${health.version}, ${held}, ${step}${building}`
}

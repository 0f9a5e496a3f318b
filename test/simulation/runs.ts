/** Many seeds, one after the other; and of one that fails, what it takes to fail. */
import type { Adapter, Database } from './adapter.js'
import type { Mutant } from './mutants.js'
import { simulate } from './storm.js'
import type { Story } from './world.js'

/** Seeds that share a database: opening one takes as long as a storm does. */
const SEEDS_A_DATABASE = 50

export type Tried = { adapter: Adapter; seed: number; mutant?: Mutant | undefined }

/** One seed on a database of its own, which is audited whole afterwards. */
export async function runAlone(tried: Tried, without?: ReadonlySet<string>): Promise<Story> {
  const database = await tried.adapter.open()
  try {
    const story = await runOn(database, tried, without)
    if (story.broken.length === 0) story.broken.push(...(await database.findings()))
    return story
  } finally {
    await database.close()
  }
}

/**
 * Runs seeds from `first` on until one fails.
 *
 * @param each told of the story of each seed that did not.
 * @returns the first seed that failed.
 */
export async function runSeeds(
  adapter: Adapter,
  seeds: { first: number; count: number; mutant?: Mutant },
  each: (story: Story) => void = () => {},
): Promise<number | undefined> {
  const all = Array.from({ length: seeds.count }, (_, i) => seeds.first + i)
  for (let at = 0; at < all.length; at += SEEDS_A_DATABASE) {
    const group = all.slice(at, at + SEEDS_A_DATABASE)
    const failed = await runGroup(
      group.map((seed) => ({ adapter, seed, mutant: seeds.mutant })),
      each,
    )
    if (failed !== undefined) return failed
  }
  return undefined
}

async function runGroup(
  group: readonly Tried[],
  each: (story: Story) => void,
): Promise<number | undefined> {
  const database = await group[0]!.adapter.open()
  try {
    for (const tried of group) {
      const story = await runOn(database, tried)
      if (story.broken.length > 0) return tried.seed
      each(story)
    }
    const findings = await database.findings()
    if (findings.length === 0) return undefined
  } finally {
    await database.close()
  }
  for (const tried of group) {
    if ((await runAlone(tried)).broken.length > 0) return tried.seed
  }
  throw new Error(`the database is not sound after the seeds from ${group[0]!.seed} on`)
}

/** The story of a seed that fails with as few orders as it takes. */
export async function shrink(tried: Tried): Promise<Story> {
  let shortest = await runAlone(tried)
  const without = new Set<string>()
  for (let size = 16; size >= 1; size /= 2) {
    for (let at = 0; at < shortest.orders.length; ) {
      const left = shortest.orders.slice(at, at + size).map(({ name }) => name)
      const story = await runAlone(tried, new Set([...without, ...left]))
      if (story.broken.length === 0) at += size
      else {
        shortest = story
        for (const name of left) without.add(name)
      }
    }
  }
  return shortest
}

function runOn(
  database: Database,
  { adapter, seed, mutant }: Tried,
  without?: ReadonlySet<string>,
): Promise<Story> {
  const { gateways } = adapter
  const count = gateways[seed % gateways.length]!
  return simulate({ seed: String(seed), database, gateways: count, mutant, without })
}

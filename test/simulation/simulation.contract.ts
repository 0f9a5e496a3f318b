/**
 * Storms on the real spine and the real ledger, each decided by its seed alone.
 * `SOUK_SIM_SEED=17` repeats one, `SOUK_SIM_SEEDS=5000` runs as many, from that one on or from a
 * random one.
 */
import { randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Adapter } from './adapter.js'
import { mutants } from './mutants.js'
import { runAlone, runSeeds, shrink, type Tried } from './runs.js'

const { SOUK_SIM_SEED, SOUK_SIM_SEEDS } = process.env
const FIRST = Number(SOUK_SIM_SEED ?? randomInt(1_000_000_000))
/** In a test run, where PostgreSQL takes six times as long; `SOUK_SIM_SEEDS` asks for more or fewer. */
const SEEDS = { SQLite: 120, PostgreSQL: 70 }
/** For a machine far slower than any that a person works at. */
const SEED_TIMEOUT_MS = 6_000

/** From this many seeds on, all that can happen has happened. */
const ENOUGH = 60
/** Where the death of a gateway cuts somebody off: before each step, and before a client is told. */
const STEPS = ['read idempotency_keys', 'read quotes', 'rows', 'hold', 'send', 'reply', 'capture']
const LAST_STEPS = ['release', 'tell', 'read holds', 'read calls', 'read balance', 'grant']
const OUTCOMES = ['charged', 'free', 'refunded', 'failed', 'in_progress', 'idempotency_conflict']
const REFUSALS = ['insufficient_balance', 'limit_exceeded', 'rate_limited', 'busy', 'storage_full']
const QUOTE_REFUSALS = ['price_exceeds_max', 'quote_used', 'quote_expired']
/** A seed finds a planted bug about one time in five. */
const SEEDS_A_MUTANT = 80

export function simulationContract(adapter: Adapter): void {
  const usual = SOUK_SIM_SEED === undefined ? SEEDS[adapter.name] : 1
  const count = Number(SOUK_SIM_SEEDS ?? usual)
  describe(`on ${adapter.name}`, () => {
    test('no order of steps, deaths and jumps breaks a promise', {
      timeout: 60_000 + count * SEED_TIMEOUT_MS,
    }, async ({ onTestFailed }) => {
      let running = FIRST
      onTestFailed(() => console.error(`It was at ${commandFor(running)}`))
      const cutAt = new Set<string>()
      const said = new Set<string>()
      const failed = await runSeeds(adapter, { first: FIRST, count }, (story) => {
        running++
        for (const step of story.cutAt) cutAt.add(step)
        for (const word of story.said) said.add(word)
      })
      if (failed !== undefined) throw new Error(await reportOf({ adapter, seed: failed }))
      if (count < ENOUGH) return
      const all = [...OUTCOMES, ...REFUSALS, ...QUOTE_REFUSALS]
      expect([...cutAt]).toEqual(expect.arrayContaining([...STEPS, ...LAST_STEPS]))
      expect([...said]).toEqual(expect.arrayContaining(all))
    })

    test.each([0, 2])(
      'the seed %i tells the same story each time',
      { timeout: 60_000 },
      async (seed) => {
        const first = await runAlone({ adapter, seed })
        const second = await runAlone({ adapter, seed })
        expect(first.log.length).toBeGreaterThan(100)
        expect(second.log).toEqual(first.log)
      },
    )
  })
}

/** The planted bugs lie above the database, so that one of them shows as well as any. */
export function findsPlantedBugs(adapter: Adapter): void {
  describe('it would be found if', () => {
    test.each(mutants)(
      '$name',
      {
        timeout: SEEDS_A_MUTANT * SEED_TIMEOUT_MS,
      },
      async (mutant) => {
        const found = await runSeeds(adapter, { first: 0, count: SEEDS_A_MUTANT, mutant })
        expect(found, `${SEEDS_A_MUTANT} seeds did not find it`).toBeDefined()
        const { broken } = await runAlone({ adapter, seed: found! })
        expect(broken, 'the same seed without it').toEqual([])
      },
    )
  })
}

/** How to see it again, and what it takes. */
async function reportOf(tried: Tried): Promise<string> {
  const { broken, log, orders } = await shrink(tried)
  return [commandFor(tried.seed), ...broken, `It takes ${orders.length} orders:`, ...log].join('\n')
}

function commandFor(seed: number): string {
  return `SOUK_SIM_SEED=${seed} npx vitest run test/simulation`
}

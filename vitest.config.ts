import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What a client sees must not depend on where the gateway keeps its state: the stories that write
 * much, and whatever reaches the database with texts of strangers, run on both.
 */
const ON_BOTH_DATABASES = [
  'test/journeys/{buy,sell,market,approvals,audit,oauth,tenants-routes,tools,gateways,payers}.journey.test.ts',
  'test/journeys/{attacks,tenants}.test.ts',
  'src/{doctor,keys,restored}-command.test.ts',
  'src/calls/calls.test.ts',
  'src/receipts/check-chains.test.ts',
  'src/catalogue/{learning,text-flags}.test.ts',
  'src/store/reader.test.ts',
]

/** What takes longest begins first, so that no worker has nothing left to do at the end. */
const LONGEST_FIRST = [/\/test\/(faults|simulation)\//, /\/test\/journeys\//, /-command\.test/]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST_FIRST.findIndex((pattern) => pattern.test(moduleId))
  return rank < 0 ? LONGEST_FIRST.length : rank
}

export default defineConfig({
  resolve: { conditions: ['souk-source'] },
  ssr: { resolve: { conditions: ['souk-source'] } },
  test: {
    globalSetup: 'test/support/postgres-of-the-run.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Files share the modules that are loaded: half of what short tests take is loading them.
    isolate: false,
    // Much of a test is waiting for processes of its own.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'souk',
          include: ['{src,seeds,test,bench}/**/*.test.ts'],
          provide: { database: 'sqlite' },
        },
      },
      {
        extends: true,
        test: {
          name: 'on PostgreSQL',
          include: ON_BOTH_DATABASES,
          provide: { database: 'postgres' },
        },
      },
    ],
  },
})

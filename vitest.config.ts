import { defineConfig } from 'vitest/config'

/** What a client sees must not depend on where the gateway keeps its state. */
const ON_BOTH_DATABASES = [
  'test/journeys/*.journey.test.ts',
  'test/journeys/{attacks,bad-input-rest,tenants}.test.ts',
  'src/{doctor,keys,restored}-command.test.ts',
  'src/receipts/check-chains.test.ts',
  'src/catalogue/{learning,text-flags}.test.ts',
  'src/store/reader.test.ts',
]
/**
 * They look into the files of a data folder, or at what goes on before and behind the state: transports,
 * servers, browsers. What those store is shown on both by the others.
 */
const ON_SQLITE_ONLY = [
  'test/journeys/{start,embedded,browser,gateways,relay,relay-eras}.journey.test.ts',
  'test/journeys/{bug-classes,bug-classes-*,seeds-*,oauth-refusals}.journey.test.ts',
  'test/journeys/{discovered-tools,mcp-server-sources,tool-handlers,operators-tools}.journey.test.ts',
  'test/journeys/{people,meilisearch,sessions,disconnects,import-styles}.journey.test.ts',
]

export default defineConfig({
  resolve: { conditions: ['souk-source'] },
  ssr: { resolve: { conditions: ['souk-source'] } },
  test: {
    globalSetup: 'test/support/postgres-of-the-run.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Much of a test is waiting for processes of its own.
    maxWorkers: 2,
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
          exclude: ON_SQLITE_ONLY,
          provide: { database: 'postgres' },
        },
      },
    ],
  },
})

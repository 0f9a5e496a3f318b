import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['souk-source'] },
  ssr: { resolve: { conditions: ['souk-source'] } },
  test: {
    include: ['src/**/*.test.ts', 'seeds/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
  },
})

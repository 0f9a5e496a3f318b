import { expect, test } from 'vitest'
import { comparison } from './relay-report.js'
import type { Cell } from './report.js'

const load = { calls: 10, bad: 0, firstBad: undefined, p50Ms: 1, p99Ms: 2, callers: 32 }
const souk: Cell = {
  ...{ ...load, contender: 'souk-relay-free, sqlite, 1 buyer', name: 'souk-relay-free', round: 1 },
  souk: { home: 'sqlite', buyers: 1 },
  ...{ perSecond: 3_000, cpuMicros: 300, serverMicros: undefined },
}
const peer: Cell = {
  ...{ ...load, contender: 'mcp-proxy', name: 'mcp-proxy', souk: undefined, round: 1 },
  ...{ perSecond: 1_500, cpuMicros: 400, serverMicros: 200 },
}

test('compares the calls, and the CPU time without and with what a gateway asks', () => {
  expect(comparison([souk, peer])).toBe(
    [
      '32 callers',
      '',
      '| Souk | souk-relay-free, sqlite, 1 buyer: calls/s | CPU/call | with its server |',
      '| --- | ---: | ---: | ---: |',
      '| to mcp-proxy | 2.00 × | 0.75 × | 0.50 × |',
    ].join('\n'),
  )
})

test('compares round by round, whatever one round was like', () => {
  const slow = { round: 2, perSecond: souk.perSecond / 10 }
  const cells = [souk, peer, { ...souk, ...slow }, { ...peer, ...slow, perSecond: 150 }]
  expect(comparison(cells)).toContain('| to mcp-proxy | 2.00 × |')
})

test('says nothing where nobody is there to compare with', () => {
  expect(comparison([souk])).toBe('')
})

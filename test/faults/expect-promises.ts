/** Waits until no call is open any more, then holds everything against what was promised. */
import { expect } from 'vitest'
import { jwksOf } from '../journeys/receipt-by-hand.js'
import type { FlakyUpstream } from './flaky-upstream.js'
import type { KeptRecords } from './kept-records.js'
import { balanceOf, ledgerOf, type Market, type Purchase } from './market.js'
import { brokenPromises } from './promises.js'

const DRAIN_TIMEOUT_MS = 30_000

/** @param url of a gateway; no call may be running on any. */
export async function expectPromisesKept(
  url: string,
  proof: {
    market: Market
    purchases: readonly Purchase[]
    upstream: FlakyUpstream
    records(): Promise<KeptRecords>
  },
): Promise<void> {
  const { market, purchases, upstream } = proof
  const openHolds = async () => (await ledgerOf(url)).open_holds
  await expect.poll(openHolds, { timeout: DRAIN_TIMEOUT_MS }).toBe(0)
  const ledger = await ledgerOf(url)
  expect(ledger).toMatchObject({ balanced: true, findings: [] })
  const balances = new Map<string, string>()
  for (const buyer of market.buyers) {
    const { available, held } = await balanceOf(url, buyer)
    expect(held).toBe('0')
    balances.set(buyer.id, available)
  }
  const broken = await brokenPromises({
    market,
    purchases,
    upstream,
    records: await proof.records(),
    balances,
    ledger: new Map(ledger.accounts.map(({ name, balance }) => [name, balance])),
    jwks: await jwksOf(url),
  })
  expect(broken).toEqual([])
}

/** A run that met no fault would prove nothing. */
export function expectFaultsOfAllKinds(purchases: readonly Purchase[], rounds: number): void {
  const statuses = new Set(purchases.map(({ answer }) => answer?.httpStatus))
  expect(statuses).toContain(200)
  if (rounds >= 10)
    expect([...statuses]).toEqual(expect.arrayContaining([409, 502, 504, undefined]))
}

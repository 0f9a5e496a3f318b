/** What an account bought and what it has left. */
import {
  LIMIT_NAMES,
  type LimitName,
  type Principal,
  payerOf,
  spendersOf,
  windowOf,
} from '#accounts'
import { type Clock, fromRfc3339, toRfc3339 } from '#core/clock'
import { formatUsdc, nanos } from '#core/money'
import { decodeCursor, encodeCursor } from '#core/page'
import { Problem } from '#core/problem'
import type { Ledger } from '#ledger'
import type { Knex, Store } from '#store'
import { type CallRow, toCall } from './call-rows.js'

/** A call and all that were made in its course, whoever bought those between. */
const WITHIN = `id in (
  with recursive course(id) as (
    select cast(? as text)
    union select calls.id from calls join course on calls.parent_call_id = course.id
  )
  select id from course
)`

export type UsageQuery = {
  from?: string | undefined
  to?: string | undefined
  endpoint_id?: string | undefined
  key_id?: string | undefined
  tag?: string | undefined
  within?: string | undefined
  limit: number
  cursor?: string | undefined
}

/** An account's calls, latest first, and totals over all that the filters let through. */
export async function usage({ store }: { store: Store }, buyerId: string, query: UsageQuery) {
  const filtered = store.db<CallRow>('calls').where({ buyer_id: buyerId })
  applyFilters(filtered, query)
  const page = filtered
    .clone()
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
  if (query.cursor !== undefined) page.where('id', '<', decodeCursor(query.cursor, isText))
  const rows = await page
  const calls = rows.slice(0, query.limit).map(toCall)
  return {
    calls: calls.map((call) => ({
      call_id: call.id,
      endpoint_id: call.endpointId,
      key_id: call.keyId,
      at: toRfc3339(call.startedAtMs),
      outcome: call.outcome,
      status: call.status,
      latency_ms: call.latencyMs,
      total: formatUsdc(nanos(call.charge + call.fee)),
      receipt_id: call.receiptId,
      ...(call.tag !== null && { tag: call.tag }),
      ...(call.parentCallId !== null && { parent_call_id: call.parentCallId }),
    })),
    totals: await totalsOf(store, filtered),
    ...(rows.length > query.limit && { next_cursor: encodeCursor(calls.at(-1)!.id) }),
  }
}

/**
 * Spendable and held money, of whoever pays for the principal, and how far each limit of key,
 * ancestors and accounts is used.
 */
export async function balanceOf(deps: { ledger: Ledger; clock: Clock }, principal: Principal) {
  const { available, held } = await deps.ledger.balanceOf(payerOf(principal))
  return {
    currency: 'USDC' as const,
    available: formatUsdc(available),
    held: formatUsdc(held),
    limits: await limitsOf(deps, principal),
  }
}

async function limitsOf(deps: { ledger: Ledger; clock: Clock }, principal: Principal) {
  const now = deps.clock.now()
  const shown: { scope: string; limit: string; spent: string; resets_at: string | null }[] = []
  for (const spender of spendersOf(principal)) {
    for (const name of LIMIT_NAMES) {
      const limit = spender.limits[name]
      if (limit === undefined) continue
      shown.push({
        scope: spender.name === undefined ? name : `${name} of ${spender.name}`,
        limit: formatUsdc(limit),
        ...(await spentOf(deps.ledger, spender.scope, name, now)),
      })
    }
  }
  return shown
}

async function spentOf(ledger: Ledger, scope: string, name: LimitName, nowMs: number) {
  if (name === 'call' || name === 'approve_above') return { spent: '0', resets_at: null }
  const { window, endsAtMs } = windowOf(name, nowMs)
  const [used] = await ledger.usedOf([{ scope, window }])
  return {
    spent: formatUsdc(nanos(used ?? 0n)),
    resets_at: endsAtMs === null ? null : toRfc3339(endsAtMs),
  }
}

async function totalsOf(store: Store, filtered: Knex.QueryBuilder) {
  const { db } = store
  const [row] = await filtered
    .clone()
    .select(
      db.raw('count(*) as calls'),
      db.raw('coalesce(sum(charge + fee), 0) as charged'),
      db.raw(
        "coalesce(sum(case when outcome in ('refunded', 'failed') then hold else 0 end), 0) as refunded",
      ),
    )
  return {
    calls: Number(row.calls),
    charged: formatUsdc(nanos(BigInt(row.charged))),
    refunded: formatUsdc(nanos(BigInt(row.refunded))),
  }
}

function applyFilters(builder: Knex.QueryBuilder, query: UsageQuery): void {
  if (query.from !== undefined) builder.where('started_at', '>=', timeIn(query.from, 'from'))
  if (query.to !== undefined) builder.where('started_at', '<', timeIn(query.to, 'to'))
  if (query.endpoint_id !== undefined) builder.where({ endpoint_id: query.endpoint_id })
  if (query.key_id !== undefined) builder.where({ key_id: query.key_id })
  if (query.tag !== undefined) builder.where({ tag: query.tag })
  if (query.within !== undefined) builder.whereRaw(WITHIN, [query.within])
}

function timeIn(text: string, field: string): number {
  const ms = fromRfc3339(text)
  if (ms !== undefined) return ms
  throw new Problem(
    'invalid_request',
    `${field} must be an RFC 3339 time such as 2026-01-15T00:00:00Z.`,
  )
}

function isText(position: unknown): position is string {
  return typeof position === 'string'
}

/** What only the simulation knows: all that was asked, answered and told, whoever died meanwhile. */
import type { Outcome } from '#calls'
import type { OrderPlan } from './orders.js'
import type { Life } from './scheduler.js'
import type { Reply } from './sellers.js'

/** A call whose hold was accepted. */
export type Begun = {
  actor: string
  gateway: Life
  deadlineMs: number
  /** The latest time that any clock had shown by then. */
  latestMs: number
  /** When the call ended, by the latest clock of those that judge deadlines. */
  end: { judgedAtMs: number; gatewayWasDead: boolean } | undefined
}

/** What came of an order, as its client was told. */
export type Told = { order: OrderPlan; result: Outcome | Error }

export type Memory = {
  /** Nanos by account. */
  granted: Map<string, bigint>
  /** By call id. */
  begun: Map<string, Begun>
  /** What sellers were asked for each call, by its id, and what they sent back. */
  asked: Map<string, Reply[]>
  /** Quotes by the order that got them. */
  quotes: Map<string, string>
  told: Told[]
  /** The orders that were sent, by name. */
  plans: Map<string, OrderPlan>
  /** The latest time that any clock has shown. */
  latestMs: number
  /** What ended before this time may be forgotten. */
  purgedMs: number
  wasDiskFull: boolean
}

export function newMemory(nowMs: number): Memory {
  return {
    granted: new Map(),
    begun: new Map(),
    asked: new Map(),
    quotes: new Map(),
    told: [],
    plans: new Map(),
    latestMs: nowMs,
    purgedMs: 0,
    wasDiskFull: false,
  }
}

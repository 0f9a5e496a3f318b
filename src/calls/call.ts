/** The nouns of one call, in the order in which they appear: order, request, quote, held, outcome. */
import type { Principal } from '#accounts'
import type { Id } from '#core/ids'
import type { Nanos } from '#core/money'
import type { ProblemCode } from '#core/problem'
import type { Command } from '#ledger'
import type { SqlValue } from '#store'
import type { Answer, UpstreamRequest } from '#upstreams'
import type { Sending } from './forward.js'

/** What a buyer asks for, as a face hands it over. */
export type Order = {
  principal: Principal
  endpointId: string
  /** The version as sent; absent for the latest. */
  version?: number | undefined
  arguments: Record<string, unknown>
  /** The most that the buyer pays, fee included, decimal USDC. */
  maxPrice?: string | undefined
  quoteId?: string | undefined
  idempotencyKey?: string | undefined
  /** A word of the buyer's that attributes the cost. */
  tag?: string | undefined
  /** The trace of the call in whose course this one is made, as it was sent back. */
  trace?: string | undefined
  /** Whether the client went away meanwhile. */
  isGone?: (() => boolean) | undefined
  /** Aborted when the client takes the call back, where what answers it can be stopped. */
  signal?: (() => AbortSignal) | undefined
  /**
   * Asks the person behind the client; `undefined` where that person gave no answer. Absent where the
   * client has no way to ask.
   */
  ask?: ((question: Question) => Promise<boolean | undefined>) | undefined
  /**
   * The way to an MCP server where the client has a connection of its own through this gateway; the
   * shared one when absent. It never throws for what the server does.
   */
  via?:
    | ((dispatch: Extract<Dispatch, { kind: 'mcp' }>, sending: Sending) => Promise<Answer>)
    | undefined
  /** Told how far the call is, by upstreams that say so. */
  onProgress?: ((progress: Progress) => void) | undefined
}

/** What a person is asked before a call: what, with which arguments, and for how much at most. */
export type Question = {
  id: Id<'approval'>
  title: string
  arguments: Record<string, unknown>
  /** Fee included, nano-USDC. */
  maxTotal: Nanos
}

/** How far a call is, as MCP has it. */
export type Progress = { progress: number; total?: number; message?: string }

/** The exact request that would be sent, and the hash that quote and receipt are bound to. */
export type ShapedRequest = { dispatch: Dispatch; hash: string }

/** What goes to the seller, by the kind of what answers. */
export type Dispatch =
  | { kind: 'http'; request: UpstreamRequest }
  /** To the handler of a tool, which learns from a signature who sends it. */
  | { kind: 'tool'; request: UpstreamRequest & { body: Buffer } }
  | { kind: 'mcp'; server: string; tool: string; arguments: Record<string, unknown> }
  | { kind: 'code'; name: string; arguments: Record<string, unknown> }

/** The most that this one call may cost, nano-USDC. */
export type Quote = {
  maxCharge: Nanos
  maxFee: Nanos
  maxTotal: Nanos
  /** The stored quote that it honours, used up by the hold. */
  id: Id<'quote'> | undefined
}

/** A call between its hold and its end: what its row and its receipt say of it. */
export type OpenCall = {
  id: Id<'call'>
  buyerId: Id<'account'>
  /** Whose money it is paid with: the buyer's, or that of the account above it. */
  payerId: Id<'account'>
  keyId: Id<'key'>
  sellerId: Id<'account'>
  endpointId: string
  version: number
  requestHash: string
  /** The price as buyers see it. */
  price: Record<string, unknown> & { model: string }
  quoteId: Id<'quote'> | null
  idempotencyHash: string | null
  /** What is set aside for it, nano-USDC. */
  hold: Nanos
  startedAtMs: number
}

/** A live hold. Only `hold` makes one, so nothing can be forwarded without. */
export type Held = {
  kind: 'held'
  call: OpenCall
  /** The hold where it is still to be written, which the commit that ends the call does. */
  unwritten?: { command: Command; row: readonly SqlValue[] }
}

export type OutcomeKind = 'charged' | 'free' | 'refunded' | 'failed'

/** The answer's bytes, decoded and scrubbed, as `response.hash` is taken over them. */
export type AnswerBody = { bytes: Buffer; mediaType: string; truncated: boolean }

/** How a call ended. The same, whoever asks and however often. */
export type Outcome = {
  callId: Id<'call'>
  endpointId: string
  version: number
  outcome: OutcomeKind
  /** The upstream's status, `null` when it did not answer. */
  status: number | null
  /** `null` when there was no answer; `undefined` when it is no longer kept. */
  body: AnswerBody | null | undefined
  charge: Nanos
  fee: Nanos
  total: Nanos
  /** What the buyer can spend now. */
  balance: Nanos
  receipt: { id: Id<'receipt'>; jws: string } | null
  /** Why nothing was charged, for a call that was not delivered. */
  fault: { code: ProblemCode; message: string; retryAfterMs?: number } | undefined
  /** Whether an earlier call with the same idempotency key was answered again. */
  replayed: boolean
  /** Set when a newer version than the one that was sold is on sale. */
  latestVersion?: number
}

/** Seals bodies at rest for their owner, as the vault does. */
export type Sealer = {
  seal(owner: string, plaintext: Uint8Array): Buffer
  open(owner: string, sealed: Uint8Array): Buffer
}

/** What a client meets at an address: the marketplace, or the tools of a gateway. */
import type { Implementation } from '@modelcontextprotocol/server'
import type { Principal, Scope } from '#accounts'
import type { Order, Progress } from '#calls'
import type { Guest } from './guests.js'

/** Who asks, and what reaches the one who asks while a request runs. */
export type Caller = {
  principal: Principal | undefined
  tag: string | undefined
  /** Of the call in whose course the caller makes this one. */
  trace: string | undefined
  /** Whether the client went away, or took the request back. */
  isGone: () => boolean
  /** Aborted when the client takes the request back. It is made when it is asked for. */
  signal: () => AbortSignal
  /** Tells the client how far the request is; absent where it did not ask for it. */
  onProgress?: ((progress: Progress) => void) | undefined
  /** Asks the person behind the client; absent where the client has no way to. */
  ask?: Order['ask']
  /** Present where the request is about something that stays open. */
  guest?: Guest
}

/** The parameters of a tools/call. */
export type CallParams = {
  name: string
  arguments?: Record<string, unknown>
  _meta?: Record<string, unknown>
}

/** A CallToolResult, as text: it may be large, and goes out as it came. */
export type CallResult = {
  /** A JSON object, without the members `_meta` and `resultType`. */
  json: string
  /** What is in `_meta`: members as they stand in a JSON object, or nothing. */
  meta: string
}

export type Surface = {
  /** Sessions are bound to it: one of another address does not exist here. */
  id: string
  identity: Implementation
  /** What a model reads on connecting. */
  instructions?: string
  /** How long, and for whom, a list may be kept. */
  cache: { ttlMs: number; cacheScope: 'public' | 'private' }
  /** What a key must be allowed for a call of the tool; nothing for one that only looks. */
  scopeOf(tool: string): Scope | undefined
  /** JSON of the list of tools. */
  list(caller: Caller): Promise<string>
  /** @throws ProtocolError for what is wrong with the request rather than with the call. */
  call(caller: Caller, params: CallParams): Promise<CallResult>
  /**
   * Tells of changes of the list until the function that it gives is called. Absent where the list
   * never changes.
   */
  watch?(guest: Guest, onChange: () => void): () => void
}

/**
 * The whole JSON of a result.
 *
 * @param added what an era puts beside the result and into its `_meta`, as members.
 */
export function resultText(
  { json, meta }: CallResult,
  added: { members: string; meta: string } = { members: '', meta: '' },
): string {
  const inMeta = [meta, added.meta].filter((part) => part !== '').join(',')
  const parts = [json.slice(1, -1).trim(), added.members, inMeta && `"_meta":{${inMeta}}`]
  return `{${parts.filter((part) => part !== '').join(',')}}`
}

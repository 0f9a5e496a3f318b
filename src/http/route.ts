/** A route is data: what it takes, what it gives, who may ask. It is served and documented from that. */
import type { z } from 'zod'
import type { Accounts, Principal, Scope } from '#accounts'
import type { Approvals } from '#approvals'
import type { AuditLog } from '#audit'
import type { CallDeps } from '#calls'
import type { Catalogue } from '#catalogue'
import type { Gateways } from '#gateways'
import type { People } from '#people'
import type { Servers } from '#servers'
import type { Tools } from '#tools'
import type { Vault } from '#vault'

export type RouteDeps = CallDeps & {
  accounts: Accounts
  approvals: Approvals
  audit: AuditLog
  catalogue: Catalogue
  gateways: Gateways
  people: Pick<People, 'setSignIn'>
  servers: Servers
  tools: Tools
  vault: Pick<Vault, 'deriveKey'>
  publicUrl: string
  topUpUrl: string
  publicBrowse: boolean
  sandbox: boolean
  /** Rejects when the database takes no writes. */
  proveWritable(): Promise<void>
}

/**
 * Who may ask: everybody; who looks (a key, unless looking is public); a key; the operator, whose key
 * needs `manage`, or `read` to look.
 */
export type Who = 'anyone' | 'looker' | 'key' | 'operator'

export type Asked<Query, Body> = {
  /** Only `looker` and `anyone` routes may find none. */
  principal: Principal | undefined
  params: Record<string, string>
  query: Query
  body: Body
  headers: Record<string, string | string[] | undefined>
  /** Whether the client went away meanwhile. */
  isGone: () => boolean
  /** The network address that asks: a proxy's, where there is one. */
  address: string
}

/** An answer that is not plain JSON with the route's own status. */
export class Reply {
  readonly status: number
  readonly headers: Record<string, string>
  readonly content: unknown

  /** @param content a Buffer or string is sent as it is, anything else as JSON. */
  constructor(status: number, content: unknown, headers: Record<string, string> = {}) {
    this.status = status
    this.content = content
    this.headers = headers
  }
}

export type Route = {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With `{name}` for its parameters. */
  path: string
  tag: string
  summary: string
  who: Who
  /** The key needs one of them. */
  scopes?: readonly Scope[]
  /** Whether access tokens of any resource of ours do, too; else only the secrets of keys. */
  tokens?: true
  query?: z.ZodType
  body?: z.ZodType
  /**
   * For a body that may be larger than others: a seat is taken before it is read, and `run` is given
   * its bytes, not parsed. `body` documents it.
   */
  large?: {
    maxBytes: number
    /** @returns what frees the seat. */
    takeSeat(deps: RouteDeps, principal: Principal): () => void
  }
  /** Request headers that it reads, and what for. */
  headers?: Readonly<Record<string, string>>
  result?: z.ZodType
  /** Media type of an answer that is not JSON: the only one without `result`, else on demand. */
  raw?: string
  /** Of a plain answer; 200 when absent. */
  status?: number
  /** Statuses that come with `result`, too: code and action in it say what went wrong. */
  failures?: readonly number[]
  run(deps: RouteDeps, asked: Asked<never, never>): Promise<unknown>
}

/** A route with a body that is `large`. */
export function largeRoute(
  definition: Omit<Route, 'run'> & {
    large: NonNullable<Route['large']>
    run(deps: RouteDeps, asked: Asked<unknown, Uint8Array>): Promise<unknown>
  },
): Route {
  return definition as unknown as Route
}

type Typed<Q extends z.ZodType, B extends z.ZodType> = Omit<Route, 'query' | 'body' | 'run'> & {
  query?: Q
  body?: B
  run(deps: RouteDeps, asked: Asked<z.output<Q>, z.output<B>>): Promise<unknown>
}

/** Fixes the types of a route's query and body. */
export function route<Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  definition: Typed<Q, B>,
): Route {
  return definition as unknown as Route
}

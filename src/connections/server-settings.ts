/** Where an MCP server is and what is told to it. Sealed at rest by `#servers`; plain only in memory. */
import type { TokenSource } from '#upstreams'

/** A bearer token from the operator's own code; asked before each request, so it may keep its own cache. */
export type TokenProvider = { provider: () => Promise<string> }

export type ServerSettings = {
  /** Unique among all servers: connections, sessions and the process belong to it. */
  id: string
  /** For sentences and log lines. */
  name: string
  transport: 'streamable_http' | 'sse' | 'stdio'
  /** Of the two HTTP transports. */
  url?: string | undefined
  headers?: Record<string, string> | undefined
  /** Written as `Authorization: Bearer` over what stands in `headers`. */
  token?: TokenSource | TokenProvider | undefined
  /** Of stdio: the program, started without a shell. */
  command?: string | undefined
  args?: readonly string[] | undefined
  /** Added to the few variables that every child gets. */
  env?: Record<string, string> | undefined
  cwd?: string | undefined
  /** 10,000 unless given. */
  connectTimeoutMs?: number | undefined
  /** 30,000 unless given. */
  callTimeoutMs?: number | undefined
}

export const CONNECT_TIMEOUT_MS = 10_000
export const CALL_TIMEOUT_MS = 30_000

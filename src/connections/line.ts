/** One conversation with a server, whatever carries it. Three things do: HTTP, an event stream, a process. */
import type { Deadline, Unanswered } from '#upstreams'
import type { ErrorBody, JsonObject } from './messages.js'
import type { Progress } from './progress.js'

/** `modern` knows no sessions (2026-07-28); `session` is everything before it. */
export type Era = 'modern' | 'session'

/** What client and server agreed on. */
export type Agreed = {
  era: Era
  protocolVersion: string
  capabilities: JsonObject
  serverInfo: JsonObject | undefined
  instructions: string | undefined
}

/** What came of one request. */
export type Reply =
  /** `bytes` is the JSON text of the result as it came. */
  | { kind: 'result'; value: JsonObject; bytes: Buffer }
  | { kind: 'error'; error: ErrorBody; status: number | undefined }
  /** An HTTP answer without a JSON-RPC message in it. */
  | { kind: 'status'; status: number; retryAfterMs: number | undefined }
  | Unanswered

export type LineRequest = {
  deadline: Deadline
  /** Asks for progress, when given. */
  onProgress?: ((progress: Progress) => void) | undefined
  /** Notifications that came in this request's own stream, progress excepted. */
  onNotification?: ((method: string, params: unknown) => void) | undefined
  /** Headers of this one request; HTTP only. */
  headers?: Record<string, string> | undefined
  /** Whether the answer may stay open for hours. */
  isLong?: boolean | undefined
}

/** What a server says unasked. */
export type Hearer = {
  onRequest(method: string, params: unknown, options: { signal: AbortSignal }): Promise<unknown>
  onNotification(method: string, params: unknown): void
}

/** The client that a line speaks for. */
export type Speaker = {
  capabilities: JsonObject
  clientInfo: JsonObject
  /** What `initialize` says, where that differs: a server of the session era asks in its own way. */
  inSession?: { capabilities: JsonObject; protocolVersion: string } | undefined
}

/**
 * `stream`: just this stream is over; `session`: the server no longer knows the session; `server`:
 * it is away.
 */
export type ListenEnd =
  | { kind: 'unsupported' }
  | { kind: 'ended'; detail: string; lost: 'stream' | 'session' | 'server' }

export type Line = {
  request(method: string, params: JsonObject | undefined, options: LineRequest): Promise<Reply>
  /** Never throws; a notification that cannot be sent is lost. */
  notify(method: string, params: JsonObject | undefined): Promise<void>
  /** Hears what the server says unasked, until the stream ends or `signal` says so. */
  listen(signal: AbortSignal): Promise<ListenEnd>
  /** What the headers and envelopes of later requests follow from. */
  agree(agreed: Agreed | undefined): void
  /** Whether the server keeps state that belongs to this line. */
  hasSession(): boolean
  /** Whether the line is known to be over. */
  isOver(): boolean
  /** Tells the server, where the protocol has a word for it. */
  close(): Promise<void>
}

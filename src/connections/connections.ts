/** The gateway's client side of MCP: tool calls, lists, watching and whole relays, per registered server. */
import type { Clock } from '#core/clock'
import { type Answer, startDeadline, type Upstreams } from '#upstreams'
import { type CallOptions, callTool, type ToolCall } from './call-tool.js'
import { askServer, type KeptServer, keepServer, learnParamHeaders } from './kept-server.js'
import { type ListedTool, listAll } from './list-tools.js'
import type { OpenDeps } from './open-session.js'
import type { Progress } from './progress.js'
import { type ClientSide, openRelay, type Relay, type Relayed } from './relay.js'
import { isRpcError, type RpcError, rpcError } from './rpc-error.js'
import { prepareServer, type Server, scrubbedText, scrubbedValue } from './server.js'
import type { ServerSettings, TokenProvider } from './server-settings.js'
import { LIST_TIMEOUT_MS, problemOf, type ServerTest, testServer } from './server-test.js'
import { createVerdicts } from './verdicts.js'
import { OWN_HOLDER, type ServerState, watchServer } from './watching.js'

export {
  type CallOptions,
  type ClientSide,
  isRpcError,
  type ListedTool,
  type Progress,
  type Relay,
  type Relayed,
  type RpcError,
  rpcError,
  type ServerSettings,
  type ServerState,
  type ServerTest,
  type TokenProvider,
  type ToolCall,
}

export type Connections = {
  /**
   * Calls a tool. The body of the answer is the JSON text of the CallToolResult as it came, secrets
   * of the settings taken out; status 200, 422 when `isError` is set, and for a JSON-RPC error
   * `{"error":{code,message,data?}}` with 400 for -32602 and -32600, else 502. Never throws for
   * what a server does. Pass the same settings object again: what follows from it is remembered.
   */
  callTool(settings: ServerSettings, call: ToolCall, options: CallOptions): Promise<Answer>
  /**
   * All tools of a server, all pages, definitions as they came but for the secrets of the settings.
   *
   * @throws Problem `upstream_failed`, `upstream_timeout`, or `invalid_request` for settings that
   *   cannot work; `facts.error_code` is as in `test`.
   */
  listTools(settings: ServerSettings, signal?: AbortSignal): Promise<ListedTool[]>
  /** Tries the settings on a connection of its own. Never throws. */
  test(settings: ServerSettings): Promise<ServerTest>
  /**
   * Keeps a connection and tells when the tools may have changed: on the server's word and after
   * each reconnect, at most once a second, and once a minute where it never stops changing. The
   * function that it gives ends it.
   */
  watch(settings: ServerSettings, onToolsChanged: () => void): () => void
  /** How the watched connection of a server is; `off` when nothing watches it. */
  state(serverId: string): ServerState
  /**
   * A connection of its own for one client, everything relayed in both directions.
   *
   * @throws Problem as `listTools`.
   */
  openRelay(settings: ServerSettings, client: ClientSide): Promise<Relay>
  /** Ends sessions, relays and the process of a server; calls that run get their end as a failure. */
  forget(serverId: string): Promise<void>
  /** Ends everything; no child and no socket stays. */
  close(): Promise<void>
}

export type ConnectionsOptions = {
  upstreams: Pick<Upstreams, 'open' | 'tokens'>
  clock: Clock
  userAgent: string
  /** Whether servers may be processes of ours. */
  stdio: 'on' | 'off'
  /** The variables of our own environment that children may see; PATH, HOME, LANG and TMPDIR of it are passed on. */
  environment?: Readonly<Record<string, string | undefined>> | undefined
  /** The most of one message that is read. */
  maxBodyBytes: number
  /** For the log; no secret and no URL is in it. */
  report(event: ConnectionEvent): void
}

export type ConnectionEvent = {
  serverId: string
  name: string
  what: 'connected' | 'failed' | 'exited' | 'stderr'
  detail: string
}

/** How often idle sessions are looked for. */
const SWEEP_MS = 30_000

export function createConnections(options: ConnectionsOptions): Connections {
  let isClosed = false
  const deps = openDepsOf(options, () => isClosed)
  const source = { tokens: options.upstreams.tokens, stdio: options.stdio }
  const byId = new Map<string, KeptServer>()
  const bySettings = new WeakMap<ServerSettings, KeptServer>()
  const watches = new Map<string, () => ServerState>()
  const sweeping = setInterval(() => {
    for (const { sessions } of byId.values()) sessions.sweep()
  }, SWEEP_MS).unref()

  function keptOf(settings: ServerSettings): KeptServer {
    const known = bySettings.get(settings)
    if (known && !known.isClosed) return known
    const server = prepareServer(settings, source)
    const present = byId.get(settings.id)
    const kept = present?.server.isSameAs(server) ? present : keepServer(deps, server)
    if (present && present !== kept) void end(present)
    byId.set(settings.id, kept)
    bySettings.set(settings, kept)
    return kept
  }

  /** Ends all of a server; what runs gets its end as a failure. */
  async function end(kept: KeptServer): Promise<void> {
    kept.isClosed = true
    deps.verdicts.forget(kept.server.fingerprint)
    if (byId.get(kept.server.id) === kept) byId.delete(kept.server.id)
    await Promise.all([...kept.closers].map((close) => close()))
    await kept.sessions.close()
  }

  return {
    callTool: (settings, call, callOptions) => callTool(deps, keptOf(settings), call, callOptions),
    async listTools(settings, signal) {
      const kept = keptOf(settings)
      const deadline = startDeadline(LIST_TIMEOUT_MS, signal)
      const tools = await listAll(
        (params) =>
          askServer(deps, kept, OWN_HOLDER, deadline, ({ line }) =>
            line.request('tools/list', params, { deadline }),
          ),
        deadline,
      )
      deadline.clear()
      if (!Array.isArray(tools)) throw problemOf(kept.server, tools)
      learnParamHeaders(kept, tools)
      return tools.map((tool) => scrubbedTool(kept.server, tool))
    },
    test: (settings) => testServer(deps, prepareServer(settings, source)),
    watch(settings, onToolsChanged) {
      const kept = keptOf(settings)
      const { id: serverId, name } = settings
      const { clock, report } = options
      const tell = (what: ConnectionEvent['what'], detail: string) =>
        report({ serverId, name, what, detail })
      const watch = watchServer({ clock, onChange: onToolsChanged, report: tell }, kept)
      kept.closers.add(watch.stop)
      watches.set(serverId, watch.state)
      return () => {
        kept.closers.delete(watch.stop)
        if (watches.get(serverId) === watch.state) watches.delete(serverId)
        void watch.stop()
      }
    },
    state: (serverId) => watches.get(serverId)?.() ?? { status: 'off', since: options.clock.now() },
    openRelay: (settings, client) => openRelay(deps, keptOf(settings), client),
    async forget(serverId) {
      watches.delete(serverId)
      const kept = byId.get(serverId)
      if (kept) await end(kept)
    },
    async close() {
      isClosed = true
      clearInterval(sweeping)
      watches.clear()
      await Promise.all([...byId.values()].map(end))
    },
  }
}

/** One that cannot be written down without a secret has no schema that could be sold. */
function scrubbedTool(server: Server, tool: ListedTool): ListedTool {
  const clean = scrubbedValue(server, tool) as ListedTool | undefined
  return clean ?? { name: scrubbedText(server, tool.name), inputSchema: false }
}

function openDepsOf(
  { environment = {}, report, ...options }: ConnectionsOptions,
  isClosed: () => boolean,
): OpenDeps {
  return {
    ...options,
    isClosed,
    verdicts: createVerdicts(options.clock),
    environment,
    reportProcess: ({ id: serverId, name }, what, detail) =>
      report({ serverId, name, what, detail }),
  }
}

/**
 * The MCP servers that the operator registered, by the API, in `souk.yaml` or in code: their tools
 * are discovered and sold, and a call of one goes to its server.
 */
import type { CallOptions, Connections, ServerSettings } from '#connections'
import type { Answer } from '#upstreams'
import { createOperating, type OperatingDeps } from './operating.js'
import { createRunning, type RunningDeps } from './running.js'

export type { ToolNames } from './discovery.js'
export type { CodeServer } from './running.js'
export { listingSlugOf, type StdioPolicy } from './server.js'
export {
  type ServerTerms,
  serverChangeSchema,
  serverSchema,
} from './server-schema.js'

type ToolCall = { server: string; tool: string; arguments: Record<string, unknown> }
/** Of one call: whose it is, and how it is told from others and taken back. */
type Sending = Pick<CallOptions, 'onProgress' | 'signal' | 'tag'> & {
  callId: string
  buyerId: string
}

export type Servers = ReturnType<typeof createServers>

export function createServers(deps: RunningDeps & OperatingDeps & { connections: Connections }) {
  const { connections } = deps
  const running = createRunning(deps)
  const { roster, start, add, follow, ready, discoverDue, close } = running
  return {
    ...{ start, add, follow, ready, discoverDue, close },
    ...createOperating(deps, running),
    /** Sends a call to its server; like every backend it never throws for what a seller does. */
    async call(
      { server, tool, arguments: args }: ToolCall,
      { buyerId: holder, callId, tag, signal, onProgress }: Sending,
    ): Promise<Answer> {
      const entry = roster.named(server)
      if (!entry) return NO_SERVER
      const options = { holder, callId, tag, signal, onProgress }
      return connections.callTool(entry.settings, { tool, arguments: args }, options)
    },
    /** Of the server of this name, if it is used: the same object as long as it stays the same. */
    settingsOf: (name: string): ServerSettings | undefined => roster.named(name)?.settings,
    /** Of each server that is used, whether it is connected to this gateway. */
    standing: (): { server: string; isUp: boolean }[] =>
      roster.used().map(({ server }) => ({
        server: server.terms.name,
        isUp: connections.state(server.id).status === 'connected',
      })),
  }
}

const NO_SERVER: Answer = {
  kind: 'unanswered',
  reason: 'unreachable',
  detail: 'This gateway has no such MCP server in use.',
  dispatched: false,
  latencyMs: 0,
}

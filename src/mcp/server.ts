/** One SDK server for one request: the precomputed list of tools, and their dispatch. */
import { Server } from '@modelcontextprotocol/server'
import type { Principal } from '#accounts'
import { instructions } from './instructions.js'
import type { ToolDeps } from './tools/tool.js'
import { runTool, toCallToolResult, toolList } from './tools/tools.js'

/** What the server says of itself. */
export const IDENTITY = { name: 'souk', title: 'Souk', version: '0.1.0' }

/** The list is the same for everybody and changes only with a release. */
const CACHE = { ttlMs: 60 * 60 * 1_000, cacheScope: 'public' as const }

export type Caller = {
  principal: Principal | undefined
  /** Whether the client went away meanwhile. */
  isGone: () => boolean
  tag: string | undefined
}

export function buildServer(deps: ToolDeps, caller: Caller): Server {
  const server = new Server(IDENTITY, {
    capabilities: { tools: {} },
    instructions,
    cacheHints: { 'tools/list': CACHE, 'server/discover': CACHE },
  })
  server.setRequestHandler('tools/list', () => ({ tools: toolList }))
  server.setRequestHandler('tools/call', async ({ params }) =>
    toCallToolResult(await runTool(deps, caller, params.name, params.arguments ?? {})),
  )
  return server
}

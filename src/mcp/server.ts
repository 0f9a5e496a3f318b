/** One SDK server for one request: it understands the protocol, the surface answers. */
import { Server } from '@modelcontextprotocol/server'
import { InputNeeded } from './input-needed.js'
import { type Caller, type CallParams, resultText, type Surface } from './surface.js'

export function buildServer(surface: Surface, caller: Caller): Server {
  const { identity, instructions, cache } = surface
  const server = new Server(identity, {
    capabilities: { tools: surface.watch ? { listChanged: true } : {} },
    ...(instructions !== undefined && { instructions }),
    cacheHints: { 'tools/list': cache, 'server/discover': cache },
  })
  server.setRequestHandler('tools/list', async () => ({
    tools: JSON.parse(await surface.list(caller)),
  }))
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const { name, arguments: args, _meta } = params
    const token = _meta?.progressToken
    const notify = (progress: object) => {
      const params = { progressToken: token!, ...progress }
      void mcpReq.notify({ method: 'notifications/progress', params } as never).catch(() => {})
    }
    const asking: CallParams = { name, ...(args && { arguments: args }), ...(_meta && { _meta }) }
    const own = { ...caller, ...(token !== undefined && { onProgress: notify }) }
    try {
      return JSON.parse(resultText(await surface.call(own, asking)))
    } catch (error) {
      if (!(error instanceof InputNeeded)) throw error
      const { inputRequests, requestState } = error
      return { resultType: 'input_required', inputRequests, requestState } as never
    }
  })
  return server
}

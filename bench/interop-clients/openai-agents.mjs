import { MCPServerSSE, MCPServerStreamableHttp } from '@openai/agents'
import { headers, task, tell } from './task.mjs'

const Server = task.transport === 'sse' ? MCPServerSSE : MCPServerStreamableHttp
const withKey = (target, init) => {
  const all = new Headers(init?.headers)
  all.set('authorization', headers.Authorization)
  return fetch(target, { ...init, headers: all })
}
const server = new Server({
  url: task.url,
  name: 'gateway',
  requestInit: { headers },
  eventSourceInit: { fetch: withKey },
})
await server.connect()
const tools = await server.listTools()
const answers = []
for (const call of task.calls) answers.push(await server.callTool(call.name, call.arguments))
await server.close()
tell(
  tools.map(({ name }) => name),
  answers,
)

import { MCPClient } from '@mastra/mcp'
import { headers, task, tell, url } from './task.mjs'

/** It puts the server's name in front of the tools' names. */
const SERVER = 'gateway_'

const client = new MCPClient({ servers: { gateway: { url, requestInit: { headers } } } })
const tools = await client.listTools()
const answers = []
for (const call of task.calls) {
  answers.push(await tools[SERVER + call.name].execute(call.arguments, {}))
}
await client.disconnect()
tell(
  Object.keys(tools).map((name) => name.replace(SERVER, '')),
  answers,
)

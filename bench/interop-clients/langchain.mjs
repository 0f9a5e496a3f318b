import { MultiServerMCPClient } from '@langchain/mcp-adapters'
import { headers, task, tell } from './task.mjs'

const client = new MultiServerMCPClient({
  mcpServers: { gateway: { transport: task.transport, url: task.url, headers } },
})
const tools = await client.getTools()
const answers = []
for (const call of task.calls) {
  answers.push(await tools.find(({ name }) => name === call.name).invoke(call.arguments))
}
await client.close()
tell(
  tools.map(({ name }) => name),
  answers,
)

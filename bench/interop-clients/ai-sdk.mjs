import { createMCPClient } from '@ai-sdk/mcp'
import { headers, task, tell } from './task.mjs'

const client = await createMCPClient({
  transport: { type: task.transport, url: task.url, headers },
})
const tools = await client.tools()
const answers = []
for (const call of task.calls) {
  const options = { toolCallId: 'interop', messages: [] }
  answers.push(await tools[call.name].execute(call.arguments, options))
}
await client.close()
tell(Object.keys(tools), answers)

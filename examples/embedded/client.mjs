/** Uses the tools of examples/embedded/app.mjs as any MCP client would: by their names. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const url = process.env.SOUK_URL ?? 'http://127.0.0.1:8410'
const key = process.env.SOUK_KEY
if (key === undefined) {
  console.error('Set SOUK_KEY, as examples/embedded/app.mjs prints it.')
  process.exit(2)
}

const client = new Client({ name: 'example-client', version: '1.0.0' })
await client.connect(
  new StreamableHTTPClientTransport(new URL(`${url}/mcp/operator/tools`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  }),
)

const { tools } = await client.listTools()
for (const { name, description } of tools) console.log(`${name}: ${description}`)

const say = async (name, args) => {
  const { content, structuredContent, _meta } = await client.callTool({ name, arguments: args })
  const { receipt_id } = _meta['souk/call']
  console.log(
    `${name} -> ${structuredContent ? JSON.stringify(structuredContent) : content[0].text}`,
  )
  console.log(`  receipt ${receipt_id}`)
}

await say('convert_temperature', { celsius: 21 })
await say('notes__add_note', { text: 'Buy tea' })
await say('notes__list_notes', {})
await client.close()

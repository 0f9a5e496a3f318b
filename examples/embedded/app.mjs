/**
 * Souk inside a program: a function and an MCP server become tools that are metered and receipted.
 *
 *   npm ci && npm run build
 *   node examples/embedded/app.mjs
 *
 * Then, in another shell, the command that it prints, which runs examples/embedded/client.mjs.
 */
import { fileURLToPath } from 'node:url'
import { createSouk } from 'souk'
import { z } from 'zod'

const souk = createSouk({
  PORT: process.env.PORT ?? '8410',
  SOUK_DATA_DIR: process.env.SOUK_DATA_DIR ?? './data/embedded',
  // Servers may be processes of ours: those that this file names.
  SOUK_STDIO: 'file',
})

souk.tool({
  name: 'convert_temperature',
  description: 'Converts a temperature from degrees Celsius to degrees Fahrenheit.',
  inputSchema: z.object({ celsius: z.number().min(-273.15) }),
  outputSchema: z.object({ fahrenheit: z.number() }),
  handler: ({ celsius }) => ({ fahrenheit: (celsius * 9) / 5 + 32 }),
})

souk.addMcpServer({
  name: 'notes',
  transport: 'stdio',
  command: process.execPath,
  args: [fileURLToPath(new URL('notes-server.mjs', import.meta.url))],
})

const { url, operatorKey } = await souk.listen()
console.log(`Souk listens at ${url}`)
console.log(`SOUK_URL=${url} SOUK_KEY=${operatorKey} node examples/embedded/client.mjs`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => souk.close())

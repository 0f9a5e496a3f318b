/** A small MCP server of its own, over stdio: notes that are kept as long as it runs. */
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const notes = []

serveStdio(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool(
    'add_note',
    { description: 'Keeps a note.', inputSchema: z.object({ text: z.string().max(1_000) }) },
    async ({ text }) => {
      notes.push(text)
      return { content: [{ type: 'text', text: `That is note ${notes.length}.` }] }
    },
  )
  server.registerTool(
    'list_notes',
    { description: 'All notes that were kept.', inputSchema: z.object({}) },
    async () => ({ content: [{ type: 'text', text: notes.join('\n') || 'There is none.' }] }),
  )
  return server
})

/** The clients of the matrix: old and new, of several makers, each at a fixed version. */

export type Transport = 'http' | 'sse' | 'ws'

export type InteropClient = {
  /** With its version, as npm takes it. */
  package: string
  /** What else it is run with. */
  beside?: string[]
  /** In `interop-clients`. */
  program: string
  transports: Transport[]
  /** How it is told to be: an era, or which bridge it is; one row each. */
  modes?: string[]
  /** Runs on Node 22 or later. */
  needsNode22?: true
  /** What a reader has to know. */
  note?: string
}

const OFFICIAL = '@modelcontextprotocol/sdk'
const DRIVER = `${OFFICIAL}@1.32.2`
const WS = 'ws@8.23.0'

export const CLIENTS: InteropClient[] = [
  {
    package: '@modelcontextprotocol/client@2.4.0',
    program: 'official-2.mjs',
    transports: ['http'],
    modes: ['legacy', 'auto', 'pinned'],
  },
  {
    package: '@modelcontextprotocol/client@2.4.0',
    program: 'official-2.mjs',
    transports: ['sse'],
    modes: ['legacy'],
  },
  ...['1.32.2', '1.25.3', '1.17.5', '1.11.0'].map(
    (version): InteropClient => ({
      package: `${OFFICIAL}@${version}`,
      beside: [WS],
      program: 'official.mjs',
      transports: ['http', 'sse', 'ws'],
    }),
  ),
  {
    package: `${OFFICIAL}@1.0.4`,
    beside: ['eventsource@3.0.7'],
    program: 'official-1-0.mjs',
    transports: ['sse'],
    note: 'with an EventSource and a fetch that send the key',
  },
  {
    package: '@openai/agents@0.20.0',
    beside: ['zod@4.6.7'],
    program: 'openai-agents.mjs',
    transports: ['http', 'sse'],
    needsNode22: true,
  },
  {
    package: '@ai-sdk/mcp@2.0.99',
    program: 'ai-sdk.mjs',
    transports: ['http', 'sse'],
    needsNode22: true,
  },
  {
    package: '@langchain/mcp-adapters@1.1.4',
    beside: ['@langchain/core@1.4.0'],
    program: 'langchain.mjs',
    transports: ['http', 'sse'],
  },
  {
    package: '@mastra/mcp@2.0.0',
    program: 'mastra.mjs',
    transports: ['http'],
    needsNode22: true,
  },
  {
    package: 'mcp-remote@0.15.1',
    beside: [DRIVER],
    program: 'through-a-bridge.mjs',
    transports: ['http', 'sse'],
    modes: ['mcp-remote'],
    note: 'stdio in front',
  },
  {
    package: 'supergateway@4.0.0',
    beside: [DRIVER],
    program: 'through-a-bridge.mjs',
    transports: ['http', 'sse'],
    modes: ['supergateway'],
    note: 'stdio in front',
  },
  { package: 'mcporter@0.12.3', program: 'mcporter.mjs', transports: ['http'], needsNode22: true },
  {
    package: '@modelcontextprotocol/inspector@2.12.0',
    program: 'inspector.mjs',
    transports: ['http'],
    modes: ['legacy', 'auto', 'modern'],
    needsNode22: true,
    note: 'its command line',
  },
  {
    package: '@modelcontextprotocol/inspector@2.12.0',
    program: 'inspector.mjs',
    transports: ['sse'],
    modes: ['legacy'],
    needsNode22: true,
    note: 'its command line',
  },
]

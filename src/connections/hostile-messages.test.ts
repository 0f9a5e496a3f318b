import { expect, test } from 'vitest'
import { echoTool } from '../../test/support/an-mcp-server.js'
import {
  aServer,
  asAlice,
  settingsFor,
  someConnections,
  textOf,
} from '../../test/support/some-connections.js'
import { keepServer, learnParamHeaders } from './kept-server.js'

const program = new URL('../../test/support/a-stdio-server.mjs', import.meta.url).pathname

/** What no text can be made of. */
const ODD = { toString: null, valueOf: null }

test.each([
  ['the id of a result', { id: ODD, result: {} }],
  ['the id of an error', { id: ODD, error: { code: 1, message: 'x' } }],
  ['a progress token', { method: 'notifications/progress', params: { progressToken: ODD } }],
  ['a cancelled id', { method: 'notifications/cancelled', params: { requestId: ODD } }],
])('%s that is no text harms nobody', async (_, message) => {
  const { connections } = someConnections([])
  const settings = settingsFor('', {
    url: undefined,
    transport: 'stdio',
    command: process.execPath,
    args: [program],
  })
  const line = JSON.stringify({ jsonrpc: '2.0', ...message })
  const call = { tool: 'write', arguments: { line } }
  expect(textOf(await connections.callTool(settings, call, asAlice))).toBe('written')
})

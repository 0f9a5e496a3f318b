import { describe, expect, test } from 'vitest'
import { readServers } from './configured-servers.js'

function read(
  sections: Parameters<typeof readServers>[0],
  environment: Record<string, string> = {},
) {
  const faults: string[] = []
  return { ...readServers(sections, environment, faults), faults }
}

const url = 'https://mcp.example.com/mcp'

describe('mcp_servers', () => {
  test('may be a list or a map, and need not name the usual transport', () => {
    const server = { name: 'remote-tools', transport: 'streamable_http', url }
    expect(read({ mcp_servers: [{ name: 'remote-tools', url }] }).servers).toEqual([server])
    expect(read({ mcp_servers: { 'remote-tools': { url } } }).servers).toEqual([server])
  })

  test('say what holds for all: the defaults of the seed, or others', () => {
    expect(read({})).toMatchObject({ toolCallTimeoutMs: 30_000, connectionTimeoutMs: 10_000 })
    const mcp = { tool_call_timeout_ms: 5_000 }
    expect(read({ mcp })).toMatchObject({ toolCallTimeoutMs: 5_000, connectionTimeoutMs: 10_000 })
  })

  test('take variables of the environment, or what stands beside them', () => {
    const headers = {
      Authorization: `Bearer \${TOKEN}`,
      'X-Region': `\${REGION:-eu}`,
      'X-Port': 80,
    }
    const { servers, faults } = read({ mcp_servers: { a: { url, headers } } }, { TOKEN: 'secret' })
    expect(faults).toEqual([])
    expect(servers[0]!.headers).toEqual({
      Authorization: 'Bearer secret',
      'X-Region': 'eu',
      'X-Port': '80',
    })
  })

  test('name each fault in a line, and no value in any', () => {
    const { servers, faults } = read(
      {
        mcp_servers: {
          a: { url, headers: { Authorization: `\${MISSING}` } },
          'Bad Name': { url },
          b: { url: 'ftp://secret.example' },
          c: 'secret',
          d: { url, sampling: true },
          e_f: { url },
          'e-f': { url },
        },
        mcp: { tool_call_timeout_ms: 1 },
      },
      {},
    )
    expect(servers.map(({ name }) => name)).toEqual(['e_f', 'e-f'])
    expect(faults).toEqual([
      'mcp_servers.c: it must be a server with its settings',
      'mcp_servers.a: the variable MISSING is not set',
      'mcp_servers.Bad Name.name: must be lower-case words joined by - or _',
      'mcp_servers.b.url: must be an http or https URL',
      expect.stringMatching(/^mcp_servers\.d: .*sampling/),
      'mcp_servers.e-f: there is another server of this name',
      expect.stringMatching(/^mcp\.tool_call_timeout_ms: /),
    ])
    expect(faults.join()).not.toContain('secret')
  })
})

describe('mcpServers', () => {
  test('is read as it stands in the settings of clients', () => {
    const { servers, faults } = read(
      {
        mcpServers: {
          'File System': {
            command: 'npx',
            args: ['-y', 'server-filesystem', `\${DIR}`],
            env: { A: 'b' },
          },
          GitHub: { type: 'http', url, headers: { Authorization: `Bearer \${TOKEN}` } },
          older: { type: 'sse', url },
        },
      },
      { DIR: '/tmp', TOKEN: 'secret' },
    )
    expect(faults).toEqual([])
    expect(servers).toEqual([
      {
        ...{ name: 'file-system', transport: 'stdio', command: 'npx' },
        ...{ args: ['-y', 'server-filesystem', '/tmp'], env: { A: 'b' } },
      },
      {
        name: 'github',
        transport: 'streamable_http',
        url,
        headers: { Authorization: 'Bearer secret' },
      },
      { name: 'older', transport: 'sse', url },
    ])
  })
  test('a server without a name is a fault', () => {
    const { servers, faults } = read({ mcpServers: [{ url }] })
    expect(servers).toEqual([])
    expect(faults).toEqual([expect.stringMatching(/^mcpServers\.0\.name: /)])
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ConfigFault, configOf, readConfig } from './config.js'

let folder: string
let files = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-config-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

function aFile(text: string): string {
  const file = join(folder, `souk-${++files}.yaml`)
  writeFileSync(file, text)
  return file
}

const read = (environment: Record<string, string>, yaml?: string) =>
  readConfig(environment, yaml === undefined ? join(folder, 'none.yaml') : aFile(yaml))

function faultsOf(environment: Record<string, string>, yaml?: string): readonly string[] {
  try {
    read(environment, yaml)
  } catch (error) {
    if (error instanceof ConfigFault) return error.faults
    throw error
  }
  return []
}

describe('without any setting', () => {
  test('the defaults of the contract hold', () => {
    expect(read({})).toEqual({
      port: 8402,
      host: '127.0.0.1',
      dataDir: './data',
      operatorKey: undefined,
      masterKey: undefined,
      egressAllow: [],
      upstreamTimeMs: 30_000,
      maxInFlightPerKey: 64,
      maxInFlight: 1024,
      publicBrowse: false,
      contact: undefined,
      publicUrl: undefined,
      sandbox: true,
      signUp: 'off',
      probes: true,
      learning: true,
      logLevel: 'warn',
      meilisearch: undefined,
      tools: [],
      stdio: 'off',
      mcp: { servers: [], toolCallTimeoutMs: 30_000, connectionTimeoutMs: 10_000 },
      childEnvironment: {},
    })
  })

  test('an empty variable counts as none, and so does an empty file', () => {
    expect(read({ PORT: '', SOUK_SANDBOX: '' }, '# nothing yet\n')).toEqual(read({}))
  })
})

describe('MCP servers', () => {
  const servers = 'mcp_servers: { files: { command: npx, args: [files] } }'

  test('are programs only where SOUK_STDIO says so', () => {
    expect(faultsOf({}, servers)).toEqual([
      'SOUK_STDIO: it must be file or api, as mcp_servers has servers over stdio',
    ])
    const environment = { SOUK_STDIO: 'file', PATH: '/bin', SECRET: 'x' }
    expect(read(environment, servers)).toMatchObject({
      ...{ stdio: 'file', mcp: { servers: [{ name: 'files', command: 'npx' }] } },
      childEnvironment: { PATH: '/bin' },
    })
  })

  test('have their faults listed with all the others', () => {
    expect(
      faultsOf({ PORT: '70000' }, 'mcp_servers: { "a b": { url: "https://a.example" } }'),
    ).toEqual([
      'PORT: must be a whole number from 0 to 65535',
      'mcp_servers.a b.name: must be lower-case words joined by - or _',
    ])
  })
})

describe('faults', () => {
  test('every fault is listed at once, one line each, beginning with the setting', () => {
    const faults = faultsOf(
      {
        PORT: '70000',
        HOST: '127.0.0.1',
        SOUK_OPERATOR_KEY: 'short',
        SOUK_MASTER_KEY: 'not base64',
        SOUK_EGRESS_ALLOW: 'localhost',
        SOUK_UPSTREAM_TIME_MS: '1',
        SOUK_MAX_IN_FLIGHT: '-1',
        SOUK_PUBLIC_BROWSE: 'yes',
        SOUK_PUBLIC_URL: 'ftp://souk.example',
        SOUK_SANDBOX: 'perhaps',
        SOUK_LOG_LEVEL: 'loud',
        DATABASE_URL: 'mysql://db/souk',
        MEILI_URL: 'meili',
      },
      'SOUK_MAX_IN_FLIGHT_PER_KEY: many\nSOUK_COLOUR: red\n',
    )
    expect(faults.map((fault) => fault.split(':')[0]).toSorted()).toEqual([
      'DATABASE_URL',
      'MEILI_URL',
      'PORT',
      'SOUK_COLOUR',
      'SOUK_EGRESS_ALLOW',
      'SOUK_LOG_LEVEL',
      'SOUK_MASTER_KEY',
      'SOUK_MAX_IN_FLIGHT',
      'SOUK_MAX_IN_FLIGHT_PER_KEY',
      'SOUK_OPERATOR_KEY',
      'SOUK_PUBLIC_BROWSE',
      'SOUK_PUBLIC_URL',
      'SOUK_SANDBOX',
      'SOUK_UPSTREAM_TIME_MS',
    ])
    for (const fault of faults) expect(fault).toMatch(/^[A-Z_]+: [^\n]+$/)
  })

  test('a fault never repeats the value of a secret', () => {
    const secret = 'a secret of the operator with spaces'
    const faults = faultsOf({ SOUK_OPERATOR_KEY: secret, SOUK_MASTER_KEY: secret })
    expect(faults).toHaveLength(2)
    expect(faults.join('\n')).not.toContain('spaces')
  })

  test('an embedder is refused whose file is missing, no JSON or none of Meilisearch', () => {
    const file = join(folder, 'embedder.json')
    const faults = [undefined, '{"apiKey": "s3cret"', '["s3cret"]', '{"apiKey": "s3cret"}'].map(
      (text) => {
        if (text !== undefined) writeFileSync(file, text)
        return faultsOf({ MEILI_URL: 'http://meili', MEILI_EMBEDDER: file })
      },
    )
    expect(faults).toEqual([
      [`MEILI_EMBEDDER: ${file} cannot be read (ENOENT)`],
      [`MEILI_EMBEDDER: ${file} is not JSON`],
      [`MEILI_EMBEDDER: ${file} must be an object with a source`],
      [`MEILI_EMBEDDER: ${file} must be an object with a source`],
    ])
  })

  test.each<[name: string, wrong: string[], right: string[]]>([
    ['PORT', ['-1', '65536', '80.5', '1e3', 'http'], ['0', '1', '65535']],
    [
      'DATABASE_URL',
      ['souk', 'mysql://db/souk', 'postgres:souk', 'postgres://a b/souk'],
      ['postgres://db/souk', 'postgresql://souk:secret@[::1]:5433/souk?sslmode=require'],
    ],
    [
      'SOUK_OPERATOR_KEY',
      ['x'.repeat(31), 'x'.repeat(513), `${'x'.repeat(40)} y`, 'ü'.repeat(40)],
      ['x'.repeat(32), '!'.repeat(512)],
    ],
    ['SOUK_UPSTREAM_TIME_MS', ['99', '600001', '30s'], ['100', '600000']],
    ['SOUK_MAX_IN_FLIGHT_PER_KEY', ['0', '100001'], ['1', '100000']],
    ['SOUK_MAX_IN_FLIGHT', ['0', '1000001'], ['1', '1000000']],
    ['SOUK_PUBLIC_BROWSE', ['true', 'ON', '1'], ['on', 'off']],
    ['SOUK_SANDBOX', ['true', 'OFF'], ['on', 'off']],
    ['SOUK_PROBES', ['true', 'sometimes'], ['on', 'off']],
    ['SOUK_LEARNING', ['true', 'sometimes'], ['on', 'off']],
    [
      'SOUK_CONTACT',
      ['line\nbreak', 'ü', 'x'.repeat(201)],
      ['ops@souk.example', 'https://souk.example/contact'],
    ],
    [
      'SOUK_PUBLIC_URL',
      [
        'souk.example',
        'https://souk.example/path',
        'https://souk.example/?a',
        'https://me@souk.example',
        'file:///',
      ],
      ['https://souk.example', 'http://[::1]:8402/'],
    ],
    ['SOUK_LOG_LEVEL', ['verbose', ''.padEnd(3)], ['silent', 'debug']],
    [
      'MEILI_URL',
      ['meili:7700', 'ftp://meili', 'http://:key@meili:7700', 'http://meili/?key=x'],
      ['http://127.0.0.1:7700', 'https://search.example/meili/'],
    ],
    ['MEILI_KEY', ['a key', 'ü', 'x'.repeat(513)], ['x', '!~'.repeat(16)]],
    ['MEILI_SEMANTIC_RATIO', ['-0.1', '1.1', 'half', '.5'], ['0', '0.25', '1', '1.0']],
  ])('%s takes what fits and nothing else', (name, wrong, right) => {
    for (const value of wrong) {
      expect(faultsOf({ [name]: value }), value).toEqual([expect.stringMatching(`^${name}: `)])
    }
    for (const value of right) expect(faultsOf({ [name]: value }), value).toEqual([])
  })
})

describe('SOUK_MASTER_KEY', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7))

  test('is 32 bytes in base64, with or without padding', () => {
    const text = key.toString('base64')
    expect(read({ SOUK_MASTER_KEY: text }).masterKey).toEqual(key)
    expect(read({ SOUK_MASTER_KEY: text.replace('=', '') }).masterKey).toEqual(key)
  })

  test.each([16, 31, 33, 64])('of %d bytes is refused', (length) => {
    expect(faultsOf({ SOUK_MASTER_KEY: Buffer.alloc(length, 1).toString('base64') })).toEqual([
      'SOUK_MASTER_KEY: must be 32 bytes in base64',
    ])
  })

  test('in hex is refused, although its length would fit 48 bytes of base64', () => {
    expect(faultsOf({ SOUK_MASTER_KEY: key.toString('hex') })).toHaveLength(1)
  })
})

describe('SOUK_EGRESS_ALLOW', () => {
  test('is a comma list of host:port, of names and of addresses of both kinds', () => {
    const list = ' 127.0.0.1:9001, [::1]:443,api.internal:80 ,'
    expect(read({ SOUK_EGRESS_ALLOW: list }).egressAllow).toEqual([
      '127.0.0.1:9001',
      '[::1]:443',
      'api.internal:80',
    ])
  })

  test.each([
    'localhost',
    ':9001',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'http://localhost:9001',
    'localhost:9001/path',
    'user@localhost:9001',
    '::1:9001',
    '127.0.0.1:1,localhost',
  ])('%s is refused', (list) => {
    expect(faultsOf({ SOUK_EGRESS_ALLOW: list })).toEqual([
      'SOUK_EGRESS_ALLOW: must be a comma list of host:port',
    ])
  })
})

describe('Meilisearch', () => {
  test('is known by its URL, its key and, where there is one, its embedder', () => {
    const file = join(folder, 'ollama.json')
    writeFileSync(file, '{"source": "ollama", "model": "small"}')
    const MEILI_URL = 'http://127.0.0.1:7700'
    expect(read({ MEILI_URL }).meilisearch).toEqual({ url: MEILI_URL })
    expect(read({ MEILI_URL, MEILI_KEY: 'k', MEILI_EMBEDDER: file }).meilisearch).toEqual({
      url: MEILI_URL,
      key: 'k',
      embedder: { settings: { source: 'ollama', model: 'small' }, semanticRatio: 0.5 },
    })
  })

  test('its key alone names no server', () => {
    expect(read({ MEILI_KEY: 'k' }).meilisearch).toBeUndefined()
  })
})

describe('SOUK_PUBLIC_URL', () => {
  test('becomes an origin, so that addresses made from it have one slash', () => {
    expect(read({ SOUK_PUBLIC_URL: 'https://Souk.Example:443/' }).publicUrl).toBe(
      'https://souk.example',
    )
  })
})

describe('souk.yaml', () => {
  test('holds the same settings under the same names, as YAML writes them', () => {
    const config = read(
      {},
      [
        'PORT: 9000',
        'SOUK_PUBLIC_BROWSE: on',
        'SOUK_SANDBOX: false',
        'SOUK_EGRESS_ALLOW: ["127.0.0.1:9001", "127.0.0.1:9002"]',
        'SOUK_CONTACT: ops@souk.example',
      ].join('\n'),
    )
    expect(config).toMatchObject({
      port: 9000,
      publicBrowse: true,
      sandbox: false,
      egressAllow: ['127.0.0.1:9001', '127.0.0.1:9002'],
      contact: 'ops@souk.example',
    })
  })

  test('gives way to the environment, setting by setting', () => {
    const config = read({ PORT: '9001' }, 'PORT: 9000\nHOST: 0.0.0.0\n')
    expect(config).toMatchObject({ port: 9001, host: '0.0.0.0' })
  })

  test('is read strictly: a setting that does not exist is a fault', () => {
    expect(faultsOf({}, 'PROT: 9000\n')).toEqual([
      expect.stringMatching(/^PROT: .*no such setting/),
    ])
  })

  test.each([
    ['a list', '- PORT\n'],
    ['a text', 'PORT\n'],
    ['not YAML', 'PORT: [\n'],
    ['a map with one key twice', 'PORT: 1\nPORT: 2\n'],
  ])('that is %s is one fault that names the file, beside those of the environment', (_, yaml) => {
    const faults = faultsOf({ SOUK_SANDBOX: 'perhaps' }, yaml)
    expect(faults).toEqual([
      expect.stringMatching(/souk-\d+\.yaml: [^\n]+$/),
      expect.stringMatching(/^SOUK_SANDBOX: /),
    ])
  })

  test.each([
    ['an alias', 'SOUK_OPERATOR_KEY: *hunter2hunter2'],
    ['a tag', 'SOUK_OPERATOR_KEY: !hunter2 hunter2'],
    ['the head of a block', 'SOUK_OPERATOR_KEY: |hunter2'],
    ['a directive', '%hunter2 hunter2'],
    ['an escape', 'SOUK_OPERATOR_KEY: "hunter2\\q"'],
  ])('repeats no value in a fault where it reads as %s', (_, yaml) => {
    const faults = faultsOf({}, yaml)
    expect(faults).toHaveLength(1)
    expect(faults[0]).not.toContain('hunter2')
  })

  test('that is there but cannot be read is a fault, not an absent file', () => {
    expect(() => readConfig({}, folder)).toThrow(`${folder}: it cannot be read (EISDIR)`)
  })
})

test('what a program says wins over the environment, what it leaves open does not', () => {
  vi.stubEnv('PORT', '8555')
  vi.stubEnv('HOST', '127.0.0.2')
  expect(configOf({ PORT: '8556', HOST: undefined })).toMatchObject({
    ...{ port: 8556, host: '127.0.0.2' },
  })
  vi.unstubAllEnvs()
})

/**
 * The house rules. The table below says who may import whom; `test/support/house-rules.ts` holds the
 * rules, and each is first shown to catch an offence that was planted for it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  clockRule,
  defaultExportRule,
  environmentRule,
  floatRule,
  folderOffences,
  type ImportTable,
  importRule,
  importsIn,
  lengthRule,
  nameRule,
  outboundRule,
  type Rule,
  type SourceFile,
  starRule,
  verifierRule,
  withoutComments,
} from './support/house-rules.js'

const BASE = ['core', 'store']
const FEATURES = [
  ...['accounts', 'approvals', 'audit', 'calls', 'catalogue', 'connections', 'gateways'],
  ...['ledger', 'oauth', 'openapi', 'payments', 'people', 'pricing', 'ratings', 'receipts'],
  ...['schemas', 'search', 'servers', 'telemetry', 'tools', 'upstreams', 'vault'],
]
const FACE = ['core', 'type store', ...FEATURES]

/** Who may import whom. Catalogue and calls get the vault from compose, by its shape. */
const MAY_IMPORT: ImportTable = {
  core: ['core'],
  store: ['core'],
  pricing: ['core'],
  accounts: BASE,
  audit: BASE,
  ledger: BASE,
  receipts: BASE,
  vault: BASE,
  telemetry: BASE,
  upstreams: [...BASE, 'vault'],
  connections: ['core', 'upstreams'],
  schemas: ['core'],
  search: BASE,
  openapi: ['core', 'pricing', 'schemas', 'upstreams'],
  catalogue: [...BASE, 'accounts', 'openapi', 'pricing', 'schemas', 'search', 'upstreams'],
  tools: [...BASE, 'accounts', 'catalogue', 'pricing', 'schemas', 'upstreams'],
  servers: [
    ...BASE,
    ...['accounts', 'catalogue', 'connections', 'pricing', 'schemas', 'upstreams'],
  ],
  gateways: [...BASE, 'accounts', 'catalogue'],
  approvals: BASE,
  payments: [...BASE, 'accounts', 'ledger'],
  calls: [
    ...BASE,
    ...['accounts', 'approvals', 'catalogue', 'pricing', 'ledger', 'upstreams', 'receipts'],
    'telemetry',
  ],
  people: [...BASE, 'accounts'],
  oauth: [...BASE, 'accounts', 'people'],
  ratings: [...BASE, 'accounts', 'calls', 'catalogue'],
  mcp: FACE,
  http: FACE,
  dashboard: FACE,
}

/** The only sub-folders. */
const NESTED = { mcp: ['tools', 'relay'], http: ['routes'], store: ['migrations'] }

const rules: Record<string, Rule> = {
  imports: importRule(MAY_IMPORT),
  verifier: verifierRule,
  clock: clockRule,
  environment: environmentRule,
  floats: floatRule,
  outbound: outboundRule,
  'export *': starRule,
  'default exports': defaultExportRule,
  length: lengthRule,
  names: nameRule,
}

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const project = ['src', 'seeds', 'test', 'bench', 'examples'].flatMap(filesUnder)
const code = project.filter(({ path }) => /\.[cm]?[jt]s$/.test(path))

describe('the project', () => {
  test('is where these rules look', () => {
    expect(code.length).toBeGreaterThan(100)
    expect(code.flatMap(importsIn).length).toBeGreaterThan(500)
  })

  test.each(Object.keys(rules))('keeps the rule of %s', (name) => {
    expect(code.flatMap(rules[name]!)).toEqual([])
  })

  test('has only folders that are listed, flat, with a front door and a short README', () => {
    const files = project.filter(({ path }) => path.startsWith('src/'))
    expect(folderOffences(files, MAY_IMPORT, NESTED)).toEqual([])
  })
})

/** Rule, path, a text that breaks the rule, and the line that must be named. */
const planted: [string, string, string, number][] = [
  ['imports', 'src/ledger/x.ts', "import { call } from '#calls'", 1],
  ['imports', 'src/ledger/x.ts', "// a comment\nimport type { Call } from '#calls'", 2],
  ['imports', 'src/ledger/x.ts', "export { call } from '#calls'", 1],
  ['imports', 'src/ledger/x.ts', "import {\n  a,\n  b,\n} from '#calls'", 1],
  ['imports', 'src/ledger/x.ts', "type Call = import('#calls').Call", 1],
  ['imports', 'src/ledger/x.ts', "import '#calls'", 1],
  ['imports', 'src/ledger/x.test.ts', "import { call } from '#calls'", 1],
  ['imports', 'src/calls/x.ts', "import { sum } from '#ledger/sum'", 1],
  ['imports', 'src/calls/x.ts', "import { sum } from '../ledger/sum.js'", 1],
  ['imports', 'src/calls/x.ts', "import { compose } from '../compose.js'", 1],
  ['imports', 'src/calls/x.ts', "import { sandbox } from '../../seeds/sandbox.js'", 1],
  ['imports', 'src/main.ts', "import { sum } from './ledger/sum.js'", 1],
  ['imports', 'src/main.ts', "import { sandbox } from '../seeds/sandbox.js'", 1],
  ['imports', 'seeds/x.ts', "import { sum } from '../src/ledger/sum.js'", 1],
  ['imports', 'src/core/x.ts', "import { parse } from 'yaml'", 1],
  ['imports', 'src/mcp/x.ts', "import { x } from '#http'", 1],
  ['imports', 'src/mcp/x.ts', "import { openStore, type Store } from '#store'", 1],
  ['imports', 'examples/x.ts', "import { verifyReceipt } from '#receipts'", 1],
  ['imports', 'examples/x.ts', "import { start } from '../src/main.js'", 1],
  ['verifier', 'src/receipts/verify.ts', "import { createHash } from 'node:crypto'", 1],
  ['clock', 'src/calls/x.ts', 'const a = 1\nconst now = Date.now()', 2],
  ['clock', 'seeds/x.ts', 'const now = new Date()', 1],
  ['clock', 'src/calls/x.ts', 'const isUrl = /^https?:\\/\\//.test(a) && Date.now()', 1],
  ['environment', 'src/compose.ts', 'const port = process.env.PORT', 1],
  ['floats', 'src/pricing/x.ts', 'const price = Number(text)', 1],
  ['floats', 'src/ledger/x.ts', 'const price = Number.parseFloat(text)', 1],
  ['floats', 'src/payments/x.ts', 'const text = price.toFixed(6)', 1],
  ['outbound', 'src/catalogue/x.ts', 'await fetch(url)', 1],
  ['outbound', 'src/catalogue/x.ts', 'await globalThis.fetch(url)', 1],
  ['outbound', 'src/catalogue/x.ts', "import { request } from 'undici'", 1],
  ['outbound', 'src/catalogue/x.ts', "import { Meilisearch } from 'meilisearch'", 1],
  ['outbound', 'src/catalogue/x.ts', "import { get } from 'node:http'", 1],
  ['outbound', 'src/catalogue/x.ts', "import { createServer, request } from 'node:http'", 1],
  ['outbound', 'src/catalogue/x.ts', "import http from 'node:http'", 1],
  ['outbound', 'src/catalogue/x.ts', "import * as net from 'node:net'", 1],
  ['outbound', 'src/catalogue/x.ts', "import { connect } from 'node:net'", 1],
  ['outbound', 'src/catalogue/x.ts', "import { get } from 'node:https'", 1],
  ['outbound', 'seeds/x.ts', "import { Client } from '@modelcontextprotocol/client'", 1],
  ['export *', 'src/calls/x.ts', "export * from './y.js'", 1],
  ['export *', 'src/calls/x.ts', "export * as y from './y.js'", 1],
  ['default exports', 'src/calls/x.ts', 'export default function x() {}', 1],
  ['default exports', 'src/calls/x.ts', 'export { x as default }', 1],
  ['length', 'test/x.ts', 'a\n'.repeat(401), 401],
  ['names', 'src/calls/call-utils.ts', '', 1],
  ['names', 'src/calls/helpers.ts', '', 1],
  ['names', 'src/manager/x.ts', '', 1],
  ['names', 'test/x.service.ts', '', 1],
  ['names', 'seeds/common/x.ts', '', 1],
  ['names', 'src/calls/index.ts', '', 1],
]

/** What looks like an offence and is none. */
const innocent: [string, string, string][] = [
  ['imports', 'src/calls/x.ts', "import { sum } from '#ledger'\nimport { y } from './y.js'"],
  ['imports', 'src/mcp/tools/x.ts', "import { sendJson } from '../mcp.js'"],
  ['imports', 'src/mcp/x.ts', "import { type Db, type Store } from '#store'"],
  ['imports', 'src/ledger/x.ts', "// import { call } from '#calls'"],
  ['imports', 'src/ledger/x.test.ts', "import { aWorld } from '../../test/support/world.js'"],
  ['imports', 'src/first-start.ts', "import { openSandbox } from '../seeds/sandbox.js'"],
  ['imports', 'seeds/x.ts', "import type { Gateway } from '../src/compose.js'"],
  ['clock', 'src/calls/x.ts', '/* never Date.now */ const a = performance.now() // new Date()'],
  ['clock', 'src/calls/x.ts', "const text = 'no Date.now here'"],
  ['floats', 'src/calls/x.ts', 'const count = Number(row.count)'],
  ['outbound', 'src/mcp/x.ts', 'const response = await handler.fetch(request)'],
  ['outbound', 'src/http/x.ts', "import { createServer } from 'node:http'"],
  ['outbound', 'src/http/x.ts', "import { type Socket, isIP } from 'node:net'"],
  ['length', 'test/x.ts', 'a\n'.repeat(400)],
  ['names', 'src/calls/shape.ts', ''],
  ['imports', 'src/core/x.ts', "export function sha(): void {\n  hash('sha256')\n}"],
]

describe('each rule', () => {
  test.each(planted)('%s catches what is planted in %s (%#)', (name, path, text, line) => {
    const offences = rules[name]!({ path, text })
    expect(offences).toHaveLength(1)
    expect(offences[0]).toMatch(new RegExp(`^${path}:${line} `))
  })

  test.each(innocent)('%s lets what is allowed pass in %s (%#)', (name, path, text) => {
    expect(rules[name]!({ path, text })).toEqual([])
  })

  test('has been shown to catch something', () => {
    expect(new Set(planted.map(([name]) => name))).toEqual(new Set(Object.keys(rules)))
  })

  test('of folders catches a folder that is unlisted, deep, closed or unexplained', () => {
    const readme = { path: 'src/calls/README.md', text: 'Calls' }
    const door = { path: 'src/calls/calls.ts', text: '' }
    const offences = (...files: SourceFile[]) => folderOffences(files, MAY_IMPORT, NESTED)
    expect(offences(readme, door)).toEqual([])
    expect(offences(door)).toEqual(['src/calls:1 has no README.md'])
    expect(offences(readme)).toEqual(['src/calls:1 has no front door calls.ts'])
    expect(offences({ path: 'src/misc/misc.ts', text: '' })).toEqual([
      'src/misc:1 is not in the table',
    ])
    expect(offences(readme, door, { path: 'src/calls/deep/x.ts', text: '' })).toEqual([
      'src/calls/deep/x.ts:1 lies in a folder of a feature',
    ])
    expect(offences({ ...readme, text: 'a\n'.repeat(41) }, door)).toEqual([
      'src/calls/README.md:41 the README has 41 lines',
    ])
  })

  test('reads code without comments, line by line', () => {
    const text = "const a = 'http://x' // b\n/* c\n */ const d = /\\/\\//.test(e) // f"
    expect(withoutComments(text).replaceAll(/ +\n| +$/g, '\n')).toBe(
      "const a = 'http://x'\n\n    const d = /\\/\\//.test(e)\n",
    )
  })
})

function filesUnder(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.([cm]?[jt]s|md)$/.test(entry.name))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name)
      const path = file.slice(ROOT.length + 1).replaceAll('\\', '/')
      return { path, text: readFileSync(file, 'utf8') }
    })
}

/**
 * `npm run conformance`: the official runner against Souk; the result is `docs/conformance.md`. A
 * server that has all that the runner asks for stands behind a gateway that relays it whole, so what is
 * measured is what the gateway does to the protocol. The runner is installed in `INTEROP_HOME`, a
 * temporary folder unless it is set.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ConformanceGateway, conformanceGateway } from './conformance-gateway.js'
import { clientOf, letIn } from './conformance-person.js'
import { aloneIn, type Ran, runConformance, type Scenario } from './conformance-run.js'
import { markdown } from './table.js'

const PAGE = fileURLToPath(new URL('../docs/conformance.md', import.meta.url))
const STABLE = '0.1.16'
const NEWEST = '0.2.0-alpha.12'
const CALLBACK_PORT = 3_119

type Suite = { title: string; version: string; exitCode: number; scenarios: Scenario[] }

/** What the marketplace's own seven tools are enough for, by revision. */
const WITHOUT_FIXTURES: [string, string[]][] = [
  [
    '2025-11-25',
    [
      ...['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection'],
      ...['server-session-lifecycle', 'server-sse-multiple-streams'],
    ],
  ],
  [
    '2026-07-28',
    [
      ...['tools-list', 'http-header-validation', 'sep-2164-resource-not-found'],
      'dns-rebinding-protection',
    ],
  ],
]

const gateway = await conformanceGateway()
try {
  const receipt = await gateway.receiptOfACall()
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(receipt)) throw new Error('That is not Souk that answers.')
  const suites = [...(await relayed(gateway)), ...(await market(gateway)), await letting(gateway)]
  const page = report(suites)
  writeFileSync(PAGE, page)
  console.log(page)
  process.exitCode = suites.every(({ exitCode }) => exitCode === 0) ? 0 : 1
} finally {
  await gateway.close()
}
process.exit()

async function relayed({ relayUrl }: ConformanceGateway): Promise<Suite[]> {
  const suites: Suite[] = []
  const runs: [string, string, string[]][] = [
    ['Relaying gateway, suite `all`', STABLE, ['--suite', 'all']],
    ['Relaying gateway, requirements of 2025-11-25', NEWEST, ['--requirements', '2025-11-25']],
    ['Relaying gateway, requirements of 2026-07-28', NEWEST, ['--requirements', '2026-07-28']],
  ]
  for (const [title, version, args] of runs) {
    const ran = await runConformance(version, ['server', '--url', relayUrl, ...args])
    suites.push(told({ title, version, ...ran }))
  }
  return suites
}

async function market({ marketUrl }: ConformanceGateway): Promise<Suite[]> {
  const suites: Suite[] = []
  for (const [revision, names] of WITHOUT_FIXTURES) {
    const scenarios: Scenario[] = []
    let exitCode = 0
    for (const name of names) {
      const args = ['--url', marketUrl, '--scenario', name, '--spec-version', revision]
      const ran = await runConformance(NEWEST, ['server', ...args])
      scenarios.push(aloneIn(ran, name))
      exitCode ||= ran.exitCode
    }
    const title = `Marketplace at \`/mcp\`, what needs no fixtures, ${revision}`
    suites.push(told({ title, version: NEWEST, exitCode, scenarios }))
  }
  return suites
}

async function letting({ issuer, operatorKey, marketUrl }: ConformanceGateway): Promise<Suite> {
  const redirectUri = `http://127.0.0.1:${CALLBACK_PORT}/callback`
  const clientId = await clientOf(issuer, operatorKey, redirectUri)
  const args = ['--url', issuer, '--client-id', clientId, '--resource', marketUrl]
  const ran = await runConformance(
    NEWEST,
    ['authorization', ...args, '--port', String(CALLBACK_PORT)],
    (line) => {
      if (line.startsWith(`${issuer}/oauth/authorize`)) void letIn(issuer, line.trim())
    },
  )
  return told({ title: 'Authorization server', version: NEWEST, ...ran })
}

function told(suite: Suite & Partial<Ran>): Suite {
  const { title, exitCode, scenarios } = suite
  console.error(`${exitCode === 0 ? 'ok' : 'NO'}  ${title}: ${scenarios.length} scenarios`)
  if (exitCode !== 0) console.error(suite.output)
  return suite
}

function report(suites: readonly Suite[]): string {
  const rows = suites.map(({ title, version, exitCode, scenarios }) => {
    const scored = scenarios.filter(({ isScored }) => isScored)
    const sum = (field: 'passed' | 'failed') =>
      String(scored.reduce((total, scenario) => total + scenario[field], 0))
    return [title, version, String(scored.length), sum('passed'), sum('failed'), String(exitCode)]
  })
  const headings = ['suite', 'runner', 'scenarios', 'passed', 'failed', 'exit code']
  return `# Conformance

What the official runner, \`@modelcontextprotocol/conformance\`, says of Souk (${new Date().toISOString().slice(0, 10)},
made by \`npm run conformance\`). Scenarios and checks are those that the runner scores; none is
excused.

A server with every tool, resource and prompt that the runner asks for
(\`test/support/an-everything-server.ts\`) is registered in \`souk.yaml\`, and a gateway relays it whole:
what is measured is what the gateway does to the protocol, with each tools/call a metered one. The
runner sends no credentials, so a proxy in front adds a key and nothing else.

${markdown([headings, ...rows])}

${unscored(suites)}`
}

function unscored(suites: readonly Suite[]): string {
  const names = suites.flatMap(({ scenarios }) =>
    scenarios.filter(({ isScored, failed }) => !isScored && failed > 0).map(({ name }) => name),
  )
  if (names.length === 0) return ''
  const list = names.map((name) => `- \`${name}\``).join('\n')
  return `Run but not scored by the runner, and failing: they belong to the tasks extension, which neither Souk
nor the server behind it offers.

${list}
`
}

/** The processes of Souk, as it is built: one on SQLite, or one or three on a PostgreSQL. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Postgres } from './postgres.js'
import { eventually, freePort, startProgram } from './processes.js'
import type { Home } from './settings.js'

const CLI = fileURLToPath(new URL('../dist/src/cli.js', import.meta.url))
/** What `npm start` tells Node. */
const NODE_OPTIONS = startOptions()
const START_TIMEOUT_MS = 60_000

export type Gateways = {
  urls: string[]
  pids: number[]
  operatorKey: string
  end(): Promise<void>
}

export type GatewayOptions = {
  home: Home
  /** Where the database is made, unless the home is SQLite. */
  postgres: Postgres | undefined
  upstream: string
  /** How many calls there may be at once. */
  callers: number
  profile: string | undefined
}

export async function startGateways(options: GatewayOptions): Promise<Gateways> {
  const { home, postgres, upstream } = options
  const operatorKey = randomBytes(24).toString('hex')
  const inFlight = String(options.callers * 2)
  const shared = {
    PATH: process.env.PATH,
    SOUK_OPERATOR_KEY: operatorKey,
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
    SOUK_EGRESS_ALLOW: new URL(upstream).host,
    SOUK_MAX_IN_FLIGHT_PER_KEY: inFlight,
    SOUK_MAX_IN_FLIGHT: inFlight,
    ...(home !== 'sqlite' && {
      DATABASE_URL: await postgres!.createDatabase(`souk_on_${home.replace('-', '_')}`),
    }),
  }
  const count = home === 'postgres-3' ? 3 : 1
  const started = await Promise.all(
    Array.from({ length: count }, () => startGateway(shared, options.profile)),
  )
  return {
    urls: started.map(({ url }) => url),
    pids: started.map(({ program }) => program.pid),
    operatorKey,
    end: async () => {
      await Promise.all(started.map(({ program }) => program.end()))
    },
  }
}

/** With a folder and a port of its own. */
async function startGateway(shared: NodeJS.ProcessEnv, profile: string | undefined) {
  const dataDir = mkdtempSync(join(tmpdir(), 'souk-bench-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
  const program = startProgram(process.execPath, [...NODE_OPTIONS, ...profiling, CLI, 'start'], {
    cwd: dataDir,
    env: { ...shared, PORT: String(port), SOUK_DATA_DIR: dataDir },
  })
  await eventually(program, START_TIMEOUT_MS, async () =>
    (await fetch(`${url}/readyz`)).ok ? true : undefined,
  )
  return { url, program }
}

function startOptions(): string[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { scripts: { start: string } }
  return scripts.start.split(' ').filter((word) => word.startsWith('--'))
}

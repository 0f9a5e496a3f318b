/** The real program: built, spawned as a person would, and ended by signals. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = join(ROOT, 'dist/src/cli.js')
const STAMP = join(ROOT, 'dist/.built')

export type Ended = {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export type GatewayProcess = {
  url: string
  pid: number
  /** What it has printed so far. */
  printed(): string
  kill(signal: NodeJS.Signals): void
  ended: Promise<Ended>
}

/** Builds the program, unless `npm test` or an earlier build already did. */
export async function build(): Promise<void> {
  const builtAt = existsSync(STAMP) ? statSync(STAMP).mtimeMs : 0
  if (Math.max(newest(join(ROOT, 'src')), newest(join(ROOT, 'seeds'))) < builtAt) return
  await promisify(execFile)('npx', ['tsc', '-p', 'tsconfig.build.json'], { cwd: ROOT })
  writeFileSync(STAMP, '')
}

const alive = new Set<ChildProcess>()

/** Ends whatever a test left running. */
export async function killTheRest(): Promise<void> {
  const rest = [...alive].map((child) => {
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    return closed
  })
  await Promise.all(rest)
}

/** An empty folder for a gateway to run in; its data go to `data` inside. */
export function emptyFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'souk-start-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs `souk` in `folder` to its end. */
export function souk(
  folder: string,
  args: string[],
  settings: Record<string, string> = {},
): Promise<Ended> {
  return endOf(spawned(folder, args, settings))
}

/**
 * Runs `souk start` in `folder`, on a free port, until it says that it is ready.
 *
 * @param logFile where its log goes instead of into what `ended` tells.
 */
export async function startGateway(
  folder: string,
  settings: Record<string, string> = {},
  logFile?: string,
): Promise<GatewayProcess> {
  const child = spawned(folder, ['start'], { PORT: '0', ...settings }, logFile)
  const ended = endOf(child)
  let printed = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (text: string) => {
      printed += text
      const [, url] = /Souk is ready at (\S+)/.exec(printed) ?? []
      if (url !== undefined && printed.includes('npm run demo')) resolve(url)
    })
    void ended.then((end) => reject(new Error(`It ended: ${JSON.stringify(end)}`)))
  })
  const kill = (signal: NodeJS.Signals) => child.kill(signal)
  return { url, pid: child.pid!, ended, printed: () => printed, kill }
}

function spawned(
  folder: string,
  args: string[],
  settings: Record<string, string>,
  logFile?: string,
): ChildProcess {
  const log = logFile === undefined ? 'pipe' : openSync(logFile, 'a')
  // Nothing of the environment that the tests happen to run in.
  const options = {
    cwd: folder,
    env: settings,
    stdio: ['ignore', 'pipe', log],
  } satisfies SpawnOptions
  const child: ChildProcess = spawn(process.execPath, [CLI, ...args], options)
  if (log !== 'pipe') closeSync(log)
  alive.add(child)
  child.once('close', () => alive.delete(child))
  child.stdout?.setEncoding('utf8')
  child.stderr?.setEncoding('utf8')
  return child
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout!.on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

function newest(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

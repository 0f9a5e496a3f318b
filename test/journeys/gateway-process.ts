/** The real program: built, spawned as a person would, and ended by signals. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

/** Runs `souk start` in `folder`, on a free port, until it says that it is ready. */
export async function startGateway(
  folder: string,
  settings: Record<string, string> = {},
): Promise<GatewayProcess> {
  const child = spawned(folder, ['start'], { PORT: '0', ...settings })
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
  return { url, ended, printed: () => printed, kill: (signal) => child.kill(signal) }
}

function spawned(folder: string, args: string[], settings: Record<string, string>): ChildProcess {
  // Nothing of the environment that the tests happen to run in.
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, env: settings })
  alive.add(child)
  child.once('close', () => alive.delete(child))
  child.stdout.setEncoding('utf8')
  child.stderr.setEncoding('utf8')
  return child
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout!.on('data', (text: string) => {
    stdout += text
  })
  child.stderr!.on('data', (text: string) => {
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

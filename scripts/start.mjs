/**
 * What `npm start`, `npm test`, `npm run demo` and `npm run souk` begin with: installs what is
 * missing, builds what has changed, then runs. Plain JavaScript without dependencies, since nothing
 * is installed yet on a fresh clone.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [command = 'start', ...rest] = process.argv.slice(2)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Souk needs Node 20.19 or later; this is ${process.versions.node}.`)
  process.exit(2)
}

await install()
if (command === 'test') {
  await build()
  await run('npx', ['vitest', 'run', ...rest])
} else if (['bench', 'interop', 'conformance'].includes(command)) {
  await build()
  await run('npx', ['tsx', '--conditions=souk-source', join('bench', `${command}.ts`), ...rest])
} else {
  await build()
  process.argv = [process.execPath, join(root, 'dist/src/cli.js'), command, ...rest]
  await import(pathToFileURL(process.argv[1]).href)
}

async function install() {
  if (isInstalled()) return
  await quietly('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--include=dev'])
}

/** Whether what npm says that it installed, here or by hand, is what is wanted. */
function isInstalled() {
  const noted = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(noted)) return false
  const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages
  const installed = packagesIn(noted)
  const wanted = Object.entries(packagesIn(join(root, 'package-lock.json')))
  return wanted.every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || optional || devOptional || installed[path]?.version === version,
  )
}

async function build() {
  const stamp = join(root, 'dist/.built')
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0
  const sources = ['src', 'seeds', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
  if (Math.max(...sources.map((name) => newest(join(root, name)))) < builtAt) return
  await quietly('Building', 'npx', ['tsc', '-p', 'tsconfig.build.json'])
  writeFileSync(stamp, '')
}

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

/** Runs a program, says how long it takes while it does, and shows its output only if it fails. */
async function quietly(what, program, args) {
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 1000)
  const timer = setInterval(() => process.stderr.write(`\r${what} … ${seconds()} s `), 1000)
  const output = []
  const code = await finished(program, args, ['ignore', 'pipe', 'pipe'], (text) =>
    output.push(text),
  )
  clearInterval(timer)
  if (seconds() > 0) process.stderr.write(`\r${what} … done in ${seconds()} s\n`)
  if (code === 0) return
  process.stderr.write(output.join(''))
  console.error(`${what} failed.`)
  process.exit(1)
}

async function run(program, args) {
  process.exitCode = await finished(program, args, 'inherit')
}

function finished(program, args, stdio, onText) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio })
    child.stdout?.on('data', onText)
    child.stderr?.on('data', onText)
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

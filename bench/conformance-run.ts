/** Runs the official conformance runner and reads what it says. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { installed, nodeFor } from './interop-install.js'

const PACKAGE = '@modelcontextprotocol/conformance'
const TIMEOUT_MS = 10 * 60 * 1_000

export type Scenario = { name: string; passed: number; failed: number; isScored: boolean }

export type Ran = { scenarios: Scenario[]; exitCode: number; output: string }

/** @param onLine told of each line while it runs. */
export async function runConformance(
  version: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<Ran> {
  const folder = installed(`${PACKAGE}@${version}`)
  const program = join(folder, 'node_modules', PACKAGE, 'dist/index.js')
  const child = spawn(nodeFor({ needsNode22: true }), [program, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
  })
  let output = ''
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  return { scenarios: scenariosIn(output), exitCode, output }
}

/** Those of the summary, or the one that ran alone. */
function scenariosIn(output: string): Scenario[] {
  const plain = output.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '')
  const [, unscored = ''] = plain.split('Not scored for')
  const names = new Set([...unscored.matchAll(/^ +[✓✗] (\S+) \(/gm)].map(([, name]) => name!))
  const found = [...plain.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)]
  return found.map(([, name, passed, failed]) => ({
    ...{ name: name!, passed: Number(passed), failed: Number(failed) },
    isScored: !names.has(name!),
  }))
}

const ESCAPE = String.fromCharCode(27)

/** Passed and failed checks of a scenario that ran alone. */
export function aloneIn({ output }: Ran, name: string): Scenario {
  const [, passed, failed] = /Passed: (\d+)\/\d+, (\d+) failed/.exec(output) ?? []
  return { name, passed: Number(passed ?? 0), failed: Number(failed ?? 1), isScored: true }
}

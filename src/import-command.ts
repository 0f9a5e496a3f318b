/**
 * `souk import`: brings a file, a folder or a URL of OpenAPI documents into the catalogue, over the
 * REST face of the running gateway, or of one that it starts for the time. The gateway knows each
 * document that it has imported: a run that was cut off goes on where it ended.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Config } from './config.js'
import { documentsAt, type Found } from './import-files.js'
import { createProgress } from './import-progress.js'
import { type Answer, createSummary, type Summary } from './import-summary.js'
import { start } from './main.js'
import { addressOf, answers } from './running-gateway.js'
import { readSecret } from './secret-file.js'

type Say = (line: string) => void

const USAGE = `usage: souk import <file|folder|url> [--price USDC] [--category SLUG] [--publish] [--strict]
                   [--dry-run] [--slug SLUG] [--title TEXT] [--key FILE]`
const DEFAULT_PRICE = '0.001'
/** The next document is converted while the last one is stored. */
const AT_ONCE = 2

/** @returns 0 when every document was imported, 1 when one was not, 2 for wrong usage. */
export async function importCommand(config: Config, args: string[], say: Say): Promise<number> {
  const options = readArguments(args)
  if (!options) {
    say(USAGE)
    return 2
  }
  const url = addressOf(config)
  if (await answers(url)) return tryImport(config, url, options, say)
  say('No gateway is running; starting one for the import.')
  const { gateway, drain } = await start(config, { say })
  try {
    return await tryImport(config, gateway.deps.publicUrl, options, say)
  } finally {
    await drain()
  }
}

async function tryImport(config: Config, url: string, options: Options, say: Say): Promise<number> {
  try {
    return await importAll(url, keyOf(config, options), options, say)
  } catch (error) {
    say(`NOT IMPORTED: ${(error as Error).message}`)
    return 1
  }
}

type Options = NonNullable<ReturnType<typeof readArguments>>

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        price: { type: 'string', default: DEFAULT_PRICE },
        category: { type: 'string' },
        slug: { type: 'string' },
        title: { type: 'string' },
        key: { type: 'string' },
        publish: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
      },
    })
    const [from] = positionals
    return from === undefined || positionals.length > 1 ? undefined : { ...values, from }
  } catch {
    return undefined
  }
}

/** The seller's key from its file; the operator's where none is named. */
function keyOf({ operatorKey, dataDir }: Config, { key }: Options): string {
  const file = key ?? join(dataDir, 'operator.key')
  const found = key === undefined ? (operatorKey ?? readSecret(file)) : readSecret(file)
  if (found !== undefined) return found.trim()
  throw new Error(`There is no key in ${file}; name the file of one with --key.`)
}

async function importAll(url: string, key: string, options: Options, say: Say): Promise<number> {
  const summary = createSummary()
  const begunAt = performance.now()
  const all = documentsAt(options.from)
  const progress = createProgress(say, all.length, process.stderr)
  const running = new Set<Promise<void>>()
  let fault: Error | undefined
  for (const found of all) {
    if (fault) break
    const member = found.read()
    if (member === undefined) {
      progress.passed(summary)
      continue
    }
    const body = bodyOf(member, found, options, all.length === 1)
    const done = importOne({ url, key, body, source: found.source }, summary)
      .catch((error: Error) => {
        fault ??= error
      })
      .finally(() => {
        running.delete(done)
        progress.passed(summary)
      })
    running.add(done)
    if (running.size >= AT_ONCE) await Promise.race(running)
  }
  await Promise.all(running)
  progress.end()
  if (fault) throw fault
  summary.say(say, performance.now() - begunAt, options['dry-run'])
  if (summary.documents === 0) say(`There is no OpenAPI document in ${options.from}.`)
  return summary.failures > 0 || summary.documents === 0 ? 1 : 0
}

/** The document's text is not parsed again: it may be large. Slug and title are for one alone. */
function bodyOf(member: string, { source }: Found, options: Options, isAlone: boolean): string {
  const { price, category, publish, strict, slug, title } = options
  const others = {
    source,
    price: price === '0' ? { model: 'free' } : { model: 'per_call', amount: price },
    category,
    publish,
    strict,
    dry_run: options['dry-run'],
    ...(isAlone && { slug, title }),
  }
  return `{${member},${JSON.stringify(others).slice(1)}`
}

/** @throws Error when the gateway is gone, or does not take the key. */
async function importOne(
  { url, key, body, source }: { url: string; key: string; body: string; source: string },
  summary: Summary,
): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/v1/listings/import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        prefer: 'return=minimal',
      },
      body,
    }).catch((cause: Error) => {
      throw new Error(`${url} went away. Run the command again to go on.`, { cause })
    })
    const answer = (await response.json()) as Answer & { code?: string; detail?: string }
    if (response.ok) return summary.add(source, answer)
    if (answer.code !== 'busy') {
      if (response.status === 401 || response.status === 403) throw new Error(answer.detail)
      return summary.fail(source, answer.detail ?? `status ${response.status}`)
    }
    await wait(1_000 * Number(response.headers.get('retry-after') ?? 1))
  }
}

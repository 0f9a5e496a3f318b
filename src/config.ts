/**
 * The only reader of the environment and of `souk.yaml`. Every fault is reported at once, in a line
 * each that names the setting; the environment wins over the file.
 */
import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { SIGN_UP_MODES, type SignUpMode } from '#accounts'
import { defined } from '#core/defined'
import type { MeilisearchSettings } from '#search'
import type { StdioPolicy } from '#servers'
import { fileToolsSchema, type ToolInput } from '#tools'
import { type ConfiguredServers, readServers } from './configured-servers.js'

/** Settings in the order in which faults are listed; the file uses the same names. */
const settings = z.object({
  PORT: whole(0, 65_535).default(8402),
  HOST: z.string().min(1).default('127.0.0.1'),
  SOUK_DATA_DIR: z.string().min(1).default('./data'),
  DATABASE_URL: z
    .string()
    .refine(
      (text) => isPostgresUrl(text),
      'must be a URL such as postgres://user:password@host/souk',
    )
    .optional(),
  SOUK_OPERATOR_KEY: z
    .string()
    .min(32, 'must have at least 32 characters')
    .max(512)
    // It travels in a header, which carries nothing else.
    .regex(/^[\x21-\x7e]+$/, 'must be plain ASCII without white space')
    .optional(),
  SOUK_MASTER_KEY: z
    .string()
    .refine((text) => isBase64Of32Bytes(text), 'must be 32 bytes in base64')
    .optional(),
  SOUK_EGRESS_ALLOW: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    )
    .refine((entries) => entries.every(isHostPort), 'must be a comma list of host:port')
    .default([]),
  SOUK_UPSTREAM_TIME_MS: whole(100, 600_000).default(30_000),
  SOUK_MAX_IN_FLIGHT_PER_KEY: whole(1, 100_000).default(64),
  SOUK_MAX_IN_FLIGHT: whole(1, 1_000_000).default(1024),
  SOUK_PUBLIC_BROWSE: z.enum(['on', 'off'], 'must be on or off').default('off'),
  SOUK_CONTACT: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, 'must be plain ASCII, at most 200 characters')
    .optional(),
  SOUK_PUBLIC_URL: z
    .string()
    .refine((text) => isOrigin(text), 'must be an http or https URL without a path')
    .transform((text) => new URL(text).origin)
    .optional(),
  SOUK_SANDBOX: z.enum(['on', 'off'], 'must be on or off').default('on'),
  SOUK_SIGNUP: z.enum(SIGN_UP_MODES, 'must be off, invite or open').default('off'),
  SOUK_STDIO: z.enum(['off', 'file', 'api'], 'must be off, file or api').default('off'),
  SOUK_PROBES: z.enum(['on', 'off'], 'must be on or off').default('on'),
  SOUK_LEARNING: z.enum(['on', 'off'], 'must be on or off').default('on'),
  SOUK_LOG_LEVEL: z
    .enum(
      ['silent', 'error', 'warn', 'info', 'debug'],
      'must be silent, error, warn, info or debug',
    )
    .default('warn'),
  MEILI_URL: z
    .string()
    .refine(
      (text) => isPlainUrl(text),
      'must be an http or https URL; the key belongs into MEILI_KEY',
    )
    .optional(),
  MEILI_KEY: z
    .string()
    .max(512)
    .regex(/^[\x21-\x7e]+$/, 'must be plain ASCII without white space')
    .optional(),
  MEILI_EMBEDDER: z.string().min(1).optional(),
  MEILI_SEMANTIC_RATIO: z
    .string()
    .regex(/^(0(\.\d{1,3})?|1(\.0{1,3})?)$/, 'must be a number from 0 to 1')
    .transform(Number)
    .default(0.5),
})

const KNOWN = new Set(Object.keys(settings.shape))
/** What of the environment programs that the gateway starts may see. */
const FOR_CHILDREN = ['PATH', 'HOME', 'LANG', 'TMPDIR'] as const

/** What has a shape of its own stands in the file alone. */
const structures = z.object({
  tools: fileToolsSchema.nullish().transform((tools) => tools ?? []),
  // Read by themselves, as variables stand in them.
  mcp_servers: z.unknown().optional(),
  mcpServers: z.unknown().optional(),
  mcp: z.unknown().optional(),
})

const STRUCTURED = new Set(Object.keys(structures.shape))

export type Config = {
  port: number
  host: string
  dataDir: string
  /** `undefined` when all state is in the data folder. */
  databaseUrl: string | undefined
  /** `undefined` when it is to be generated. */
  operatorKey: string | undefined
  masterKey: Buffer | undefined
  egressAllow: readonly string[]
  upstreamTimeMs: number
  maxInFlightPerKey: number
  maxInFlight: number
  publicBrowse: boolean
  contact: string | undefined
  /** `undefined` when it follows from where the server listens. */
  publicUrl: string | undefined
  sandbox: boolean
  /** Who may open an account by themselves. */
  signUp: SignUpMode
  /** Whether listings are probed, paused when they keep failing and brought back. */
  probes: boolean
  /** Whether what is bought after a search teaches the search. */
  learning: boolean
  logLevel: z.infer<typeof settings>['SOUK_LOG_LEVEL']
  /** `undefined` when the embedded index alone searches. */
  meilisearch: MeilisearchSettings | undefined
  /** Whether MCP servers may be programs that this gateway starts, and who may say so. */
  stdio: StdioPolicy
  mcp: ConfiguredServers
  /** The variables that such programs see beside their own. */
  childEnvironment: Readonly<Record<string, string | undefined>>
  /** What the operator sells as tools. */
  tools: readonly ToolInput[]
}

/** What is wrong with the settings, a line each. */
export class ConfigFault extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/** Of a program that has Souk inside: what it says wins over environment and file. */
export function configOf(given: Record<string, string | undefined>): Config {
  return readConfig({ ...process.env, ...defined(given) })
}

/** @throws ConfigFault with every fault at once. */
export function readConfig(
  environment: Record<string, string | undefined> = process.env,
  file = 'souk.yaml',
): Config {
  const { values: fromFile, faults } = readFile(file)
  const values: Record<string, unknown> = { ...fromFile }
  for (const name of KNOWN) {
    const value = environment[name]
    if (value !== undefined && value !== '') values[name] = value
  }
  const parsed = settings.safeParse(values)
  for (const { path, message } of parsed.error?.issues ?? [])
    faults.push(`${path[0] as string}: ${message}`)
  const structured = structures.safeParse(fromFile)
  for (const { path, message } of structured.error?.issues ?? [])
    faults.push(`${path.join('.')}: ${message}`)
  const { MEILI_EMBEDDER: embedderFile } = values
  const embedder = typeof embedderFile === 'string' ? readEmbedder(embedderFile, faults) : undefined
  const mcp = readServers(fromFile, environment, faults)
  if (parsed.data?.SOUK_STDIO === 'off' && mcp.servers.some(isProcess)) {
    faults.push('SOUK_STDIO: it must be file or api, as mcp_servers has servers over stdio')
  }
  if (!parsed.success || !structured.success || faults.length > 0) throw new ConfigFault(faults)
  const childEnvironment = Object.fromEntries(FOR_CHILDREN.map((name) => [name, environment[name]]))
  const { tools } = structured.data
  return { ...toConfig(parsed.data, embedder), tools, mcp, childEnvironment }
}

function isProcess({ transport }: { transport: string }): boolean {
  return transport === 'stdio'
}

function toConfig(
  values: z.output<typeof settings>,
  embedder: Record<string, unknown> | undefined,
): Omit<Config, 'tools' | 'mcp' | 'childEnvironment'> {
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: values.SOUK_DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    operatorKey: values.SOUK_OPERATOR_KEY,
    masterKey: values.SOUK_MASTER_KEY ? Buffer.from(values.SOUK_MASTER_KEY, 'base64') : undefined,
    egressAllow: values.SOUK_EGRESS_ALLOW,
    upstreamTimeMs: values.SOUK_UPSTREAM_TIME_MS,
    maxInFlightPerKey: values.SOUK_MAX_IN_FLIGHT_PER_KEY,
    maxInFlight: values.SOUK_MAX_IN_FLIGHT,
    publicBrowse: values.SOUK_PUBLIC_BROWSE === 'on',
    contact: values.SOUK_CONTACT,
    publicUrl: values.SOUK_PUBLIC_URL,
    sandbox: values.SOUK_SANDBOX === 'on',
    signUp: values.SOUK_SIGNUP,
    stdio: values.SOUK_STDIO,
    probes: values.SOUK_PROBES === 'on',
    learning: values.SOUK_LEARNING === 'on',
    logLevel: values.SOUK_LOG_LEVEL,
    meilisearch: meilisearchOf(values, embedder),
  }
}

function meilisearchOf(
  { MEILI_URL, MEILI_KEY, MEILI_SEMANTIC_RATIO }: z.output<typeof settings>,
  embedder: Record<string, unknown> | undefined,
): MeilisearchSettings | undefined {
  if (MEILI_URL === undefined) return undefined
  const semantic = embedder && { settings: embedder, semanticRatio: MEILI_SEMANTIC_RATIO }
  return { url: MEILI_URL, key: MEILI_KEY, embedder: semantic }
}

/** An embedder's settings as Meilisearch has them. They may hold a key, so no fault repeats them. */
function readEmbedder(file: string, faults: string[]): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof read === 'object' && read !== null && !Array.isArray(read) && 'source' in read) {
      return read as Record<string, unknown>
    }
    faults.push(`MEILI_EMBEDDER: ${file} must be an object with a source`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    faults.push(`MEILI_EMBEDDER: ${file} ${code ? `cannot be read (${code})` : 'is not JSON'}`)
  }
  return undefined
}

function readFile(file: string): { values: Record<string, unknown>; faults: string[] } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const faults = code === 'ENOENT' ? [] : [`${file}: it cannot be read (${code})`]
    return { values: {}, faults }
  }
  try {
    const parsed = parseYaml(text) ?? {}
    if (typeof parsed !== 'object' || Array.isArray(parsed))
      throw new Error('it must be a map of settings')
    const entries = Object.entries(parsed as Record<string, unknown>)
    const unknown = entries.filter(([name]) => !KNOWN.has(name) && !STRUCTURED.has(name))
    const values = entries.map(([name, value]) => [
      name,
      STRUCTURED.has(name) ? value : asText(value),
    ])
    return {
      values: Object.fromEntries(values),
      faults: unknown.map(([name]) => `${name}: there is no such setting (in ${file})`),
    }
  } catch (error) {
    return { values: {}, faults: [`${file}: ${(error as Error).message}`] }
  }
}

/** @throws Error in our own words: the parser's repeat what is in the file, secrets too. */
function parseYaml(text: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'silent' })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault) {
    const { line } = lineCounter.linePos(fault.pos[0])
    throw new Error(`line ${line} is not valid YAML (${fault.code})`)
  }
  try {
    return document.toJS()
  } catch {
    throw new Error('an alias stands for nothing; a text that begins with * needs quotation marks')
  }
}

/** YAML reads `on` as text but 8402 as a number; lists may be written as lists. */
function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.join(',')
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return typeof value === 'number' ? String(value) : value
}

function whole(min: number, max: number) {
  const fault = `must be a whole number from ${min} to ${max}`
  return z
    .string(fault)
    .regex(/^\d{1,9}$/, fault)
    .transform(Number)
    .refine((value) => value >= min && value <= max, fault)
}

function isBase64Of32Bytes(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=?$/.test(text) && Buffer.from(text, 'base64').length === 32
}

function isHostPort(text: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1]
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, pathname, search, hash, username } = new URL(text)
  return /^https?:$/.test(protocol) && pathname === '/' && search + hash + username === ''
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + password + search + hash === ''
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text)
}

/**
 * The MCP servers of `souk.yaml`: `mcp_servers`, a list or a map, or an `mcpServers` block as people
 * have it in the settings of their clients. `${NAME}` and `${NAME:-default}` in any text stand for
 * variables of the environment.
 */
import { z } from 'zod'
import { type ServerTerms, serverSchema } from '#servers'

type Sections = { mcp_servers?: unknown; mcpServers?: unknown; mcp?: unknown }

export type ConfiguredServers = {
  servers: readonly ServerTerms[]
  /** What holds for servers that say nothing else, ms. */
  toolCallTimeoutMs: number
  connectionTimeoutMs: number
}

const timeout = z.int('must be a whole number of milliseconds').min(100).max(600_000)
const defaults = z.strictObject({
  tool_call_timeout_ms: timeout.default(30_000),
  connection_timeout_ms: timeout.default(10_000),
})

/** How clients call the transports in their settings. */
const TYPES: Readonly<Record<string, string>> = {
  http: 'streamable_http',
  'streamable-http': 'streamable_http',
  streamableHttp: 'streamable_http',
}
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

type Environment = Readonly<Record<string, string | undefined>>
type Said = { at: string; entry: Record<string, unknown> }

/** @param faults gets a line for each thing that is wrong; none repeats a value. */
export function readServers(
  { mcp_servers, mcpServers, mcp }: Sections,
  environment: Environment,
  faults: string[],
): ConfiguredServers {
  const said = [
    ...entriesOf('mcp_servers', mcp_servers, faults),
    ...entriesOf('mcpServers', mcpServers, faults).map(pasted),
  ]
  const servers = said.flatMap((one) => readServer(one, environment, faults))
  refuseTwice(servers, faults)
  const timeouts = defaults.safeParse(mcp ?? {})
  addFaults('mcp', timeouts.error, faults)
  const { tool_call_timeout_ms, connection_timeout_ms } = timeouts.data ?? defaults.parse({})
  return {
    servers,
    toolCallTimeoutMs: tool_call_timeout_ms,
    connectionTimeoutMs: connection_timeout_ms,
  }
}

function entriesOf(section: string, value: unknown, faults: string[]): Said[] {
  if (value === undefined || value === null) return []
  const isList = Array.isArray(value)
  const parts: [string, unknown][] =
    typeof value === 'object' ? Object.entries(value as Record<string, unknown>) : [['', value]]
  return parts.flatMap(([name, part]) => {
    const at = name === '' ? section : `${section}.${name}`
    if (typeof part !== 'object' || part === null || Array.isArray(part)) {
      faults.push(`${at}: it must be a server with its settings`)
      return []
    }
    return [{ at, entry: isList ? (part as Said['entry']) : { name, ...part } }]
  })
}

/** Clients allow any name; here it is in the names of tools. */
function pasted({ at, entry: { name, ...entry } }: Said): Said {
  const words = String(name ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^[-_]+|[-_]+$/g, '')
  return { at, entry: { ...entry, name: words } }
}

function readServer({ at, entry }: Said, environment: Environment, faults: string[]) {
  const missing = new Set<string>()
  const { type, ...rest } = expanded(entry, environment, missing) as Said['entry']
  for (const name of missing) faults.push(`${at}: the variable ${name} is not set`)
  const kind = typeof type === 'string' ? (TYPES[type] ?? type) : undefined
  const parsed = serverSchema.safeParse({
    transport: kind ?? (rest.command === undefined ? 'streamable_http' : 'stdio'),
    ...rest,
    ...(rest.headers !== undefined && { headers: textsOf(rest.headers) }),
    ...(rest.env !== undefined && { env: textsOf(rest.env) }),
  })
  addFaults(at, parsed.error, faults)
  return parsed.success && missing.size === 0 ? [parsed.data] : []
}

function expanded(value: unknown, environment: Environment, missing: Set<string>): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (_found, name: string, otherwise?: string) => {
      const known = environment[name]
      if (known !== undefined && known !== '') return known
      if (otherwise === undefined) missing.add(name)
      return otherwise ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((part) => expanded(part, environment, missing))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, part]) => [
    name,
    expanded(part, environment, missing),
  ])
  return Object.fromEntries(members)
}

/** YAML reads a port as a number and a switch as a boolean; headers and variables are texts. */
function textsOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const isPlain = (part: unknown) => typeof part === 'number' || typeof part === 'boolean'
  const members = Object.entries(value).map(([name, part]) => [
    name,
    isPlain(part) ? String(part) : part,
  ])
  return Object.fromEntries(members)
}

function refuseTwice(servers: readonly ServerTerms[], faults: string[]): void {
  const names = new Set<string>()
  for (const { name } of servers) {
    const slug = name.replaceAll('_', '-')
    if (names.has(slug)) faults.push(`mcp_servers.${name}: there is another server of this name`)
    names.add(slug)
  }
}

function addFaults(at: string, error: z.ZodError | undefined, faults: string[]): void {
  for (const { path, message } of error?.issues ?? []) {
    faults.push(`${[at, ...path.map(String)].join('.')}: ${message}`)
  }
}

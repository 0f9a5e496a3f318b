/**
 * Souk in a program of its own: functions of the program become paid tools, MCP servers stand behind
 * it, and the whole gateway listens. What `npm start` does, without the command line.
 *
 *   import { createSouk } from 'souk'
 *
 *   const souk = createSouk({ PORT: '8402' })
 *   souk.tool({ name: 'add', description: 'Adds.', inputSchema, handler: ({ a, b }) => ({ sum: a + b }) })
 *   souk.addMcpServer({ name: 'notes', transport: 'streamable_http', url: 'https://notes.example/mcp' })
 *   const { url } = await souk.listen()
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CodeServer } from '#servers'
import type { CodeTool } from '#tools'
import type { Gateway } from './compose.js'
import { configOf } from './config.js'
import { type Started, start } from './main.js'
import { readSecret } from './secret-file.js'

export type { CodeServer } from '#servers'
export type { CodeCall, CodeTool } from '#tools'

/** The most that is waited for MCP servers, and how often is looked. */
const SERVERS_WAIT_MS = 15_000
const LOOK_MS = 50

/** Settings by their names; `process.env` and `souk.yaml` hold for those that are not here. */
export type Settings = Record<string, string | undefined>

export type Listening = {
  /** Where clients reach it: MCP at `/mcp`, REST at `/v1`. */
  url: string
  /** Opens the operator's routes; `undefined` where this folder does not hold it. */
  operatorKey: string | undefined
}

export type Souk = {
  /** Sells a function of this program as a tool of the operator. To be called before `listen`. */
  tool<Args>(tool: CodeTool<Args>): Souk
  /** Puts an MCP server behind the gateway, which sells its tools. To be called before `listen`. */
  addMcpServer(server: CodeServer): Souk
  /**
   * Starts the gateway, and waits until each MCP server was asked for its tools once, but not for long
   * where one does not answer.
   *
   * @throws ConfigFault for settings, Problem for a tool or a server that cannot be sold.
   */
  listen(): Promise<Listening>
  /** Takes no more calls, lets running ones finish, then closes everything. */
  close(): Promise<void>
}

export function createSouk(settings: Settings = {}): Souk {
  const tools: CodeTool<never>[] = []
  const servers: CodeServer[] = []
  let starting: Promise<Started> | undefined

  const souk: Souk = {
    tool(tool) {
      refuseLate()
      tools.push(tool as CodeTool<never>)
      return souk
    },
    addMcpServer(server) {
      refuseLate()
      servers.push(server)
      return souk
    },
    async listen() {
      refuseLate()
      const config = configOf(settings)
      starting = start(config, {
        prepare: async ({ deps }) => {
          for (const tool of tools) await deps.codeTools.register(tool)
          for (const server of servers) await deps.servers.add(server)
        },
      })
      const { gateway } = await starting
      await triedOnce(gateway)
      const operatorKey = config.operatorKey ?? readSecret(join(config.dataDir, 'operator.key'))
      return { url: gateway.deps.publicUrl, operatorKey }
    },
    async close() {
      // What could not be started was closed again where it failed.
      const started = await starting?.catch(() => undefined)
      await started?.drain()
    },
  }
  return souk

  function refuseLate(): void {
    if (starting) throw new Error('the gateway was started already')
  }
}

async function triedOnce({ deps: { servers } }: Gateway): Promise<void> {
  for (let waitedMs = 0; !servers.ready() && waitedMs < SERVERS_WAIT_MS; waitedMs += LOOK_MS) {
    await sleep(LOOK_MS)
  }
}

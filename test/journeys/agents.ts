/**
 * Agents as people run them: the official SDK's clients, told nothing about Souk but its address and
 * a key. Each agent says how many results its client checked against the tool's output schema.
 */
import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import { AjvJsonSchemaValidator as NewValidator } from '@modelcontextprotocol/client/validators/ajv'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport as OldTransportType } from '@modelcontextprotocol/sdk/shared/transport.js'
import { AjvJsonSchemaValidator as OldValidator } from '@modelcontextprotocol/sdk/validation/ajv'
import { expect } from 'vitest'

export type Result = Record<string, unknown>

export type Agent = {
  protocolVersion: string | undefined
  tools: { name: string; outputSchema?: object | undefined }[]
  /** The structured content of a result that is no error. */
  use(tool: string, args: Result): Promise<Result>
  /** The structured content of a result with `isError`. */
  fail(tool: string, args: Result): Promise<Result>
  /** How many results the client has held against an output schema. */
  checked(): number
  close(): Promise<void>
}

type Connect = (url: string, key: string) => Promise<Agent>

const ME = { name: 'agent-of-the-tests', version: '1.0.0' }

/** The three kinds of clients that a gateway meets today. */
export const agents: Record<string, Connect> = {
  'the SDK’s new line, pinned to 2026-07-28': newLine({ pin: '2026-07-28' }),
  'the SDK’s new line, by initialize': newLine('legacy'),
  'the SDK’s 1.x line': oldLine,
}

function newLine(mode: VersionNegotiationMode): Connect {
  return async (url, key) => {
    const validator = counting(new NewValidator())
    const client = new NewClient(ME, {
      versionNegotiation: { mode },
      jsonSchemaValidator: validator,
    })
    await client.connect(new NewTransport(new URL(`${url}/mcp`), withKey(key)))
    const { tools } = await client.listTools()
    return agent({
      tools,
      validator,
      protocolVersion: client.getNegotiatedProtocolVersion(),
      callTool: (call) => client.callTool(call),
      close: () => client.close(),
    })
  }
}

async function oldLine(url: string, key: string): Promise<Agent> {
  const validator = counting(new OldValidator())
  const client = new OldClient(ME, { jsonSchemaValidator: validator })
  const transport = new OldTransport(new URL(`${url}/mcp`), withKey(key))
  // The 1.x line is not typed for exact optional properties.
  await client.connect(transport as OldTransportType)
  const { tools } = await client.listTools()
  return agent({
    tools,
    validator,
    protocolVersion: transport.protocolVersion,
    callTool: (call) => client.callTool(call),
    close: () => client.close(),
  })
}

function withKey(key: string) {
  return { requestInit: { headers: { authorization: `Bearer ${key}` } } }
}

type Wired = Pick<Agent, 'tools' | 'protocolVersion' | 'close'> & {
  validator: { count: number }
  callTool(call: { name: string; arguments: Result }): Promise<Result>
}

function agent({ callTool, validator, ...rest }: Wired): Agent {
  const use = async (name: string, args: Result, isError: boolean): Promise<Result> => {
    const result = await callTool({ name, arguments: args })
    const structured = result.structuredContent as Result
    expect(result.isError ?? false, JSON.stringify(structured)).toBe(isError)
    // Models without structured content read the same from the text.
    const [text] = result.content as [{ type: string; text: string }]
    expect(text.type).toBe('text')
    expect(JSON.parse(text.text)).toEqual(structured)
    return structured
  }
  return {
    ...rest,
    use: (name, args) => use(name, args, false),
    fail: (name, args) => use(name, args, true),
    checked: () => validator.count,
  }
}

/** The client's own validator, with a count of the results that passed. */
function counting<
  V extends {
    // biome-ignore lint/suspicious/noExplicitAny: both lines' generic validators fit only so.
    getValidator(schema: any): (input: unknown) => any
  },
>(validator: V): V & { count: number } {
  const getValidator = validator.getValidator.bind(validator)
  const counted = Object.assign(validator, { count: 0 })
  counted.getValidator = (schema: unknown) => {
    const check = getValidator(schema)
    return (input: unknown) => {
      const result = check(input)
      if (result.valid) counted.count++
      return result
    }
  }
  return counted
}

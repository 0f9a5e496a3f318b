/** Tools that the conformance runner calls, as its texts describe them. */

type Json = Record<string, unknown>

/** What a tool can do to its client while it runs. */
export type ToolSide = {
  /** Whether the client begins with `initialize`, so that it can be asked things in between. */
  hasSession: boolean
  log(message: string): Promise<void>
  progress(progress: number): Promise<void>
  /** Of the session era only. */
  ask(method: string, params: Json): Promise<Json>
  /** Ends the stream of the call, for its client to come back. */
  closeStream(): void
  changed(what: 'tools' | 'prompts'): void
  capabilities: Json
  answers: Record<string, Json>
  requestState: string | undefined
}

export type EverythingTool = {
  name: string
  description: string
  inputSchema: Json
  run(args: Json, side: ToolSide): Json | Promise<Json>
}

export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

const NONE = { type: 'object', properties: {} }
const IMAGE = { type: 'image', data: PNG, mimeType: 'image/png' }

export const text = (content: string): Json => ({ content: [{ type: 'text', text: content }] })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const resource = (uri: string, mimeType: string, content: string) => ({
  type: 'resource',
  resource: { uri, mimeType, text: content },
})

function tool(
  name: string,
  run: EverythingTool['run'],
  inputSchema: Json = NONE,
  description = `The runner's ${name}`,
): EverythingTool {
  return { name, description, inputSchema, run }
}

function taking(field: string): Json {
  return { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] }
}

const contents = [
  tool('test_simple_text', () => text('This is a simple text response for testing.')),
  tool('test_image_content', () => ({ content: [IMAGE] })),
  tool('test_audio_content', () => ({
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  })),
  tool('test_embedded_resource', () => ({
    content: [
      resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
    ],
  })),
  tool('test_multiple_content_types', () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      IMAGE,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  })),
  tool('test_error_handling', () => ({
    ...text('This tool intentionally returns an error for testing'),
    isError: true,
  })),
]

const talking = [
  tool('test_tool_with_logging', async (_, { log }) => {
    await log('Tool execution started')
    await pause(50)
    await log('Tool processing data')
    await pause(50)
    await log('Tool execution completed')
    return text('The tool logged three messages.')
  }),
  tool('test_logging_tool', async (_, { log }) => {
    await log('A message of the logging tool')
    return text('The tool logged a message where that was asked for.')
  }),
  tool('test_tool_with_progress', async (_, { progress }) => {
    for (const share of [0, 50, 100]) {
      await progress(share)
      if (share < 100) await pause(50)
    }
    return text('The tool made progress.')
  }),
  tool('test_reconnection', async (_, { closeStream }) => {
    // Long enough for every stream on the way to be there.
    await pause(300)
    closeStream()
    await pause(300)
    return text('The stream was closed and the answer came all the same.')
  }),
  tool('test_trigger_tool_change', (_, { changed }) => {
    changed('tools')
    return text('The tools changed.')
  }),
  tool('test_trigger_prompt_change', (_, { changed }) => {
    changed('prompts')
    return text('The prompts changed.')
  }),
]

const asking = [
  tool(
    'test_sampling',
    async ({ prompt }, { ask }) => {
      const content = { type: 'text', text: prompt }
      const answer = await ask('sampling/createMessage', {
        messages: [{ role: 'user', content }],
        maxTokens: 100,
      })
      return text(`LLM response: ${(answer.content as Json | undefined)?.text}`)
    },
    taking('prompt'),
  ),
  tool(
    'test_elicitation',
    async ({ message }, { ask }) => {
      const field = (description: string) => ({ type: 'string', description })
      const answer = await ask('elicitation/create', {
        message,
        requestedSchema: {
          type: 'object',
          properties: { username: field("User's response"), email: field("User's email address") },
          required: ['username', 'email'],
        },
      })
      const { action, content } = answer
      return text(`User response: action: ${action}, content: ${JSON.stringify(content)}`)
    },
    taking('message'),
  ),
  tool('test_elicitation_sep1034_defaults', (_, { ask }) =>
    elicited(ask, {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    }),
  ),
  tool('test_elicitation_sep1330_enums', (_, { ask }) => {
    const options = ['option1', 'option2', 'option3']
    const titled = (word: string) =>
      ['First', 'Second', 'Third'].map((rank, index) => ({
        const: `value${index + 1}`,
        title: `${rank} ${word}`,
      }))
    return elicited(ask, {
      untitledSingle: { type: 'string', enum: options },
      titledSingle: { type: 'string', oneOf: titled('Option') },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
      titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
    })
  }),
]

async function elicited(ask: ToolSide['ask'], properties: Json): Promise<Json> {
  const requestedSchema = { type: 'object', properties, required: [] }
  const message = 'Please fill in the form.'
  const { action, content } = await ask('elicitation/create', { message, requestedSchema })
  return text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)
}

const schemas = [
  tool(
    'json_schema_2020_12_tool',
    () => text('The schema has many words.'),
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // biome-ignore lint/suspicious/noThenProperty: it is a word of JSON Schema.
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    'Tool with JSON Schema 2020-12 features',
  ),
  tool('test_header_param', ({ region }) => text(`The region is ${region}.`), {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    required: ['region'],
  }),
]

export const plainTools = [...contents, ...talking, ...asking, ...schemas]

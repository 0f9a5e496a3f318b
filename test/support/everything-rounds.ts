/** Tools of 2026-07-28 that ask for input, in one round or several, as the runner's texts describe them. */
import { createHmac } from 'node:crypto'
import { MissingRequiredClientCapabilityError, ProtocolError } from '@modelcontextprotocol/server'
import { type EverythingTool, text } from './everything-tools.js'

type Json = Record<string, unknown>

const INVALID_PARAMS = -32_602
const KEY = 'a key of the fixture'

export const form = (message: string, properties: Json): Json => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties, required: Object.keys(properties) },
  },
})
export const needed = (inputRequests: Json, requestState?: string): Json => ({
  resultType: 'input_required',
  inputRequests,
  ...(requestState !== undefined && { requestState }),
})
const sampling = (content: string, maxTokens: number): Json => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: content } }], maxTokens },
})
const ROOTS = { method: 'roots/list', params: {} }
const NAME = form('What is your name?', { name: { type: 'string' } })
const CONFIRM = { confirm: form('Please confirm', { ok: { type: 'boolean' } }) }

function signed(value: string): string {
  return `${value}.${createHmac('sha256', KEY).update(value).digest('base64url')}`
}

/** What was signed; anything else is refused. */
function opened(state: string): string {
  const [value = ''] = state.split('.')
  if (signed(value) === state) return value
  throw new ProtocolError(INVALID_PARAMS, 'requestState failed its integrity check')
}

const contentOf = (answer: Json | undefined) => answer?.content as Json | undefined

function tool(name: string, run: EverythingTool['run']): EverythingTool {
  const inputSchema = { type: 'object', properties: {} }
  return { name, description: `The runner's ${name}`, inputSchema, run }
}

const ROUND = 'test_input_required_result'

export const roundTools = [
  tool(`${ROUND}_elicitation`, (_, { answers }) => {
    const name = contentOf(answers.user_name)?.name
    return typeof name === 'string' ? text(`Hello, ${name}!`) : needed({ user_name: NAME })
  }),
  tool(`${ROUND}_sampling`, (_, { answers: { capital_question: answer } }) =>
    answer
      ? text(`The model says: ${contentOf(answer)?.text}`)
      : needed({ capital_question: sampling('What is the capital of France?', 100) }),
  ),
  tool(`${ROUND}_list_roots`, (_, { answers: { client_roots: answer } }) =>
    answer ? text(`The roots: ${JSON.stringify(answer.roots)}`) : needed({ client_roots: ROOTS }),
  ),
  tool(`${ROUND}_request_state`, (_, { answers, requestState }) => {
    if (!answers.confirm || requestState === undefined) return needed(CONFIRM, signed('confirm'))
    return text(`state-ok: ${opened(requestState)}`)
  }),
  tool(`${ROUND}_tampered_state`, (_, { answers, requestState }) => {
    if (requestState === undefined) return needed(CONFIRM, signed('tamper'))
    opened(requestState)
    return answers.confirm ? text('The state is as it was.') : needed(CONFIRM, requestState)
  }),
  tool(`${ROUND}_multiple_inputs`, (_, { answers, requestState }) => {
    const requests = {
      user_name: NAME,
      greeting: sampling('Generate a greeting', 50),
      client_roots: ROOTS,
    }
    const isComplete = Object.keys(requests).every((name) => answers[name])
    if (!isComplete || requestState === undefined) return needed(requests, signed('several'))
    return text(`${opened(requestState)}: ${contentOf(answers.user_name)?.name}`)
  }),
  tool(`${ROUND}_multi_round`, (_, { answers, requestState }) => {
    const round = requestState === undefined ? '' : opened(requestState)
    if (round === 'round2' && answers.step2) return text('All rounds are done.')
    if (round === 'round1' && answers.step1) {
      const question = 'Step 2: What is your favorite color?'
      return needed({ step2: form(question, { color: { type: 'string' } }) }, signed('round2'))
    }
    const first = form('Step 1: What is your name?', { name: { type: 'string' } })
    return needed({ step1: first }, signed('round1'))
  }),
  tool(`${ROUND}_capabilities`, (_, { capabilities, answers }) => {
    const requests = {
      ...(capabilities.elicitation !== undefined && { user_name: NAME }),
      ...(capabilities.sampling !== undefined && { greeting: sampling('Generate a greeting', 50) }),
      ...(capabilities.roots !== undefined && { client_roots: ROOTS }),
    }
    const isComplete = Object.keys(requests).every((name) => answers[name])
    return isComplete ? text('Nothing is asked of this client.') : needed(requests)
  }),
  tool('test_streaming_elicitation', async (_, { answers, progress }) => {
    await progress(1)
    return answers.user_name ? text('Thank you.') : needed({ user_name: NAME })
  }),
  tool('test_missing_capability', (_, { capabilities }) => {
    if (capabilities.sampling !== undefined) return text('The client can sample.')
    throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } })
  }),
]

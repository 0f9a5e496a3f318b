/** `subscriptions/listen`: what changes at a relayed server, for as long as its client stays. */
import { type JSONRPCRequest, SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server'
import { isObject } from '#schemas'
import { LIST_CHANGED } from '../list-changed.js'
import type { Reply } from '../reply.js'
import type { KeptLine } from './relayed-lines.js'
import type { KnownCaller, Passed, RelayedGateway } from './relayed-request.js'
import { capabilitiesFor } from './relayed-result.js'

type JsonObject = Record<string, unknown>

export const LISTEN = 'subscriptions/listen'

export type Listening = { gateway: RelayedGateway; caller: KnownCaller; message: JSONRPCRequest }

/** Stays open until the client goes, or the server ends it. */
export async function listen(
  { gateway, caller, message: { id, params = {} } }: Listening,
  line: KeptLine,
  reply: Reply,
): Promise<Passed> {
  const subscription = { [SUBSCRIPTION_ID_META_KEY]: id }
  const tell = (method: string, value: unknown) => {
    const own = isObject(value) ? value : {}
    const meta = isObject(own._meta) ? own._meta : {}
    reply.notify({
      jsonrpc: '2.0',
      method,
      params: { ...own, _meta: { ...meta, ...subscription } },
    })
  }
  const wanted = isObject(params.notifications) ? params.notifications : {}
  const unwatch =
    wanted.toolsListChanged === true && caller.guest
      ? gateway.surface.watch?.(caller.guest, () => tell(LIST_CHANGED.method, {}))
      : undefined
  try {
    if (line.era === 'session')
      return await listenToSession(line, caller, wanted, tell, subscription)
    const options = { timeoutMs: 0, signal: caller.signal(), onNotification: tell }
    const passed = await line.relay(LISTEN, { notifications: params.notifications }, options)
    if (passed.kind === 'error') return passed
    return { ...passed, added: subscription }
  } finally {
    unwatch?.()
  }
}

/** Of what servers of the session era say unasked, what clients of this one can ask to hear. */
const CHANGES: Record<string, { field: string; of: string }> = {
  'notifications/tools/list_changed': { field: 'toolsListChanged', of: 'tools' },
  'notifications/prompts/list_changed': { field: 'promptsListChanged', of: 'prompts' },
  'notifications/resources/list_changed': { field: 'resourcesListChanged', of: 'resources' },
}

function listenToSession(
  line: KeptLine,
  { signal }: KnownCaller,
  wanted: JsonObject,
  tell: (method: string, params: unknown) => void,
  subscription: JsonObject,
): Promise<Passed> {
  const able = capabilitiesFor('modern', line)
  const honored = Object.entries(CHANGES).filter(([, { field, of }]) => {
    const capability = able[of]
    return wanted[field] === true && isObject(capability) && capability.listChanged === true
  })
  const notifications = Object.fromEntries(honored.map(([, { field }]) => [field, true]))
  tell('notifications/subscriptions/acknowledged', { notifications })
  const heard = new Set(honored.map(([method]) => method))
  return new Promise((resolve) => {
    const done = () => {
      unhear()
      resolve({ kind: 'result', text: '{}', added: subscription })
    }
    const unhear = line.hear({
      tell(method, params) {
        if (heard.has(method)) tell(method, params)
      },
      // The client begins anew, on a session that the server knows.
      over: done,
    })
    if (heard.size === 0 || signal().aborted) done()
    else signal().addEventListener('abort', done, { once: true })
  })
}

/** Backends of a call for tests that sell HTTP endpoints alone. */
import type { CallDeps } from '#calls'

type Others = 'signHandlerCall' | 'servers' | 'codeTools' | 'traceKey' | 'approvals' | 'publicUrl'

export const onlyHttp: Pick<CallDeps, Others> = {
  signHandlerCall: () => unexpected('a tool'),
  servers: { call: () => unexpected('an MCP server') },
  codeTools: { run: () => unexpected('a function') },
  traceKey: Buffer.alloc(32, 7),
  approvals: {
    ask: () => unexpected('a person'),
    ofQuote: () => unexpected('a person'),
    pending: () => unexpected('a person'),
    settle: () => unexpected('a person'),
  },
  publicUrl: 'http://127.0.0.1:8402',
}

function unexpected(what: string): never {
  throw new Error(`nothing here is sold that ${what} has to do with`)
}

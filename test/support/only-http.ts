/** Backends of a call for tests that sell HTTP endpoints alone. */
import type { Backends } from '#calls'

export const onlyHttp: Omit<Backends, 'upstreams'> = {
  signHandlerCall: () => unexpected('a tool'),
  servers: { call: () => unexpected('an MCP server') },
  codeTools: { run: () => unexpected('a function') },
}

function unexpected(what: string): never {
  throw new Error(`nothing here is sold that ${what} answers`)
}

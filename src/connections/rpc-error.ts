/** A JSON-RPC error as an exception, for relays. */

export type RpcError = Error & { code: number; data?: unknown }

export function rpcError(code: number, message: string, data?: unknown): RpcError {
  return Object.assign(new Error(message), data === undefined ? { code } : { code, data })
}

export function isRpcError(error: unknown): error is RpcError {
  return error instanceof Error && typeof (error as Partial<RpcError>).code === 'number'
}

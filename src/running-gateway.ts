/** Whether a gateway runs already, for commands that would otherwise start one. */
import type { Config } from './config.js'

const PATIENCE_MS = 1_000

/** Where the gateway of these settings listens, or would. */
export function addressOf({ publicUrl, host, port }: Config): string {
  return publicUrl ?? `http://${host}:${port}`
}

export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) })).ok
  } catch {
    return false
  }
}

/** Tools: what an account declares with a handler of its own, and functions of this process. */
import type { Clock } from '#core/clock'
import type { Answer } from '#upstreams'
import { signatureHeaders, signingSecret } from './handler-signature.js'

type Deps = { clock: Clock; vault: { deriveKey(purpose: string): Buffer } }

export type Tools = ReturnType<typeof createTools>

export function createTools({ clock, vault }: Deps) {
  const key = vault.deriveKey('handler-signature')
  return {
    /** See {@link signatureHeaders}. */
    signHandlerCall: (sellerId: string, call: { callId: string; body: Uint8Array }) =>
      signatureHeaders(signingSecret(key, sellerId), { ...call, atMs: clock.now() }),
    codeTools: {
      async run(): Promise<Answer> {
        const detail = 'There is no such function in this process.'
        return {
          kind: 'unanswered',
          reason: 'unreachable',
          detail,
          dispatched: false,
          latencyMs: 0,
        }
      },
    },
  }
}

/**
 * How the handler of a tool knows that a request comes from this gateway: the headers of Standard
 * Webhooks 1.0.0 (standardwebhooks.com), with secrets that are the account's own.
 */
import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

export type HandlerCall = { callId: string; body: Uint8Array; atMs: number }

/**
 * A secret of an account as Standard Webhooks writes it, worked out of the gateway's own key.
 *
 * @param generation counts the rotations, 0 before the first.
 */
export function signingSecret(key: Buffer, accountId: string, generation = 0): string {
  const text = generation === 0 ? accountId : `${accountId}|${generation}`
  return PREFIX + createHmac('sha256', key).update(text).digest('base64')
}

/**
 * `webhook-id` is the call's id, so that a handler can tell a request that it had before;
 * `webhook-timestamp` is in seconds; the signatures, one for each secret, are over
 * `id.timestamp.body`.
 */
export function signatureHeaders(
  secrets: readonly string[],
  { callId, body, atMs }: HandlerCall,
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
    const signed = createHmac('sha256', key).update(`${callId}.${timestamp}.`).update(body)
    return `v1,${signed.digest('base64')}`
  })
  return {
    'webhook-id': callId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}

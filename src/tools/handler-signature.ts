/**
 * How the handler of a tool knows that a request comes from this gateway: the headers of Standard
 * Webhooks 1.0.0 (standardwebhooks.com), with a secret that is the account's own.
 */
import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

export type HandlerCall = { callId: string; body: Uint8Array; atMs: number }

/** The account's secret as Standard Webhooks writes it, worked out of the gateway's own key. */
export function signingSecret(key: Buffer, accountId: string): string {
  const secret = createHmac('sha256', key).update(accountId).digest()
  return PREFIX + secret.toString('base64')
}

/**
 * `webhook-id` is the call's id, so that a handler can tell a request that it had before;
 * `webhook-timestamp` is in seconds; the signature is over `id.timestamp.body`.
 */
export function signatureHeaders(
  secret: string,
  { callId, body, atMs }: HandlerCall,
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000))
  const signature = createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'))
    .update(`${callId}.${timestamp}.`)
    .update(body)
    .digest('base64')
  return {
    'webhook-id': callId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}

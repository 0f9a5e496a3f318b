/** Where a request comes from, for counting tries. */
import type { IncomingMessage } from 'node:http'
import { networkBlockOf } from '#core/network-block'

/**
 * The peer's address; behind a proxy on this machine the one that the proxy saw. From any other peer
 * the header proves nothing. Of IPv6 the network, all of which one client has.
 */
export function networkAddressOf({ socket, headers }: IncomingMessage): string {
  const peer = socket.remoteAddress ?? ''
  if (!/^(::1$|(::ffff:)?127\.)/.test(peer)) return networkBlockOf(peer)
  const seen = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .at(-1)!
    .trim()
  return networkBlockOf(seen === '' ? peer : seen)
}

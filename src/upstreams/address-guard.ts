/**
 * Which addresses an upstream may have. It is an allow-list: an address is refused unless it is
 * known to be public. The check is made when connecting, so that a name cannot change in between.
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import { buildConnector } from 'undici'

/** All addresses of a host name. */
export type Lookup = (hostname: string) => Promise<{ address: string; family: number }[]>

/** Someone asked for a host that is not public. Its message is safe to show. */
export const BLOCKED = 'SOUK_BLOCKED'

/** All IPv6 addresses given out so far; what lies outside is not routed, whatever its name. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Public by its range, but inside Azure it is the host's control channel. */
const AZURE_WIRE_SERVER = '168.63.129.16'

const CONNECT_TIMEOUT_MS = 10_000

/** Whether `address` (no brackets) is an IP address that belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || parsed.toString() === AZURE_WIRE_SERVER) return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST_V6)
}

/** Whether a URL's host is an IP literal that is not public. Names are judged when they resolve. */
export function isPrivateLiteral(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIP(address) !== 0 && !isPublicAddress(address)
}

/** Every address of every host: the platform's resolver. */
export const systemLookup: Lookup = (hostname) => dnsLookup(hostname, { all: true })

/**
 * Opens connections to public addresses only: literals are judged as they are, names by all their
 * addresses, and what came about is judged once more. `isExempt` hosts (`host:port`) go unjudged.
 */
export function guardedConnector(
  lookup: Lookup,
  isExempt: (hostPort: string) => boolean,
): buildConnector.connector {
  const open = buildConnector({ timeout: CONNECT_TIMEOUT_MS })
  const openGuarded = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: publicLookup(lookup),
  })
  return (options, callback) => {
    const port = options.port || (options.protocol === 'https:' ? '443' : '80')
    const literal = isIP(options.hostname) !== 0
    const host = isIP(options.hostname) === 6 ? `[${options.hostname}]` : options.hostname
    if (isExempt(`${host}:${port}`)) return open(options, callback)
    // The socket never asks `lookup` about an IP literal.
    if (literal && !isPublicAddress(options.hostname)) return callback(blocked(), null)
    openGuarded(options, (error, socket) => {
      if (error) return callback(error, null)
      const verdict = judgePeer(socket)
      return verdict ? callback(verdict, null) : callback(null, socket)
    })
  }
}

/** Closes a connection whose other end is not public; the error, if so. */
export function judgePeer(socket: Pick<Socket, 'remoteAddress' | 'destroy'>): Error | undefined {
  if (socket.remoteAddress !== undefined && isPublicAddress(socket.remoteAddress)) return undefined
  socket.destroy()
  return blocked()
}

/** The socket's own lookup: it connects to one of exactly the addresses that were judged here. */
export function publicLookup(lookup: Lookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname).then(
      (addresses) => {
        const [first] = addresses
        if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
          return callback(blocked(), '', 0)
        }
        if (options.all) return callback(null, addresses)
        return callback(null, first.address, first.family)
      },
      (error) => callback(error, '', 0),
    )
  }
}

function blocked(): Error {
  const error = new Error('The host does not belong to the public internet.')
  return Object.assign(error, { code: BLOCKED })
}

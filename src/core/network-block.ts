/** Network addresses as those who count them see them. */
import { isIPv6 } from 'node:net'

const GROUPS = 8
/** Groups of 16 bits that name the network; whoever has one address has the whole rest. */
const NETWORK_GROUPS = 4
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * What one party has of the net: an IPv4 address, or 2^64 of IPv6. The same in every spelling; what is
 * no address stays as it is.
 */
export function networkBlockOf(address: string): string {
  if (!isIPv6(address)) return address
  const mapped = MAPPED_IPV4.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  return `${groupsOf(address).slice(0, NETWORK_GROUPS).join(':')}::/64`
}

/** All eight, in hexadecimal without zeros in front. */
function groupsOf(address: string): string[] {
  const [plain = ''] = address.split('%')
  // URLs know one spelling of each address.
  const usual = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  const [front = [], back] = usual
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''))
  if (!back) return front
  const zeros = new Array<string>(GROUPS - front.length - back.length).fill('0')
  return [...front, ...zeros, ...back]
}

/**
 * Which addresses an upstream may have. It is an allow-list: an address is refused unless it is
 * known to be public.
 */
import ipaddr from 'ipaddr.js'

/** All IPv6 addresses given out so far; what lies outside is not routed, whatever its name. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Public by its range, but inside Azure it is the host's control channel. */
const AZURE_WIRE_SERVER = '168.63.129.16'

/** Whether `text` is an IP address in its usual form, without brackets. */
function isIpAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

/** Whether `address` (no brackets) is an IP address that belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  if (!isIpAddress(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || parsed.toString() === AZURE_WIRE_SERVER) return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST_V6)
}

/**
 * Whether a URL's host cannot be public whatever resolves it: a literal that is not public, or a
 * name that means this machine (RFC 6761). Other names are judged when they resolve.
 */
export function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIpAddress(address)) return !isPublicAddress(address)
  return /(?:^|\.)localhost\.?$/.test(hostname)
}

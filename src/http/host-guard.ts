/**
 * Refuses requests that a browser was tricked into: a name that was rebound to this address shows
 * in Host, another site in Origin. Programs send no Origin, and addresses cannot be rebound.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { Problem } from '#core/problem'

/** @param anyOrigin where nothing trusts what browsers send by themselves, so any site may ask. */
type HostGuard = (req: IncomingMessage, anyOrigin?: boolean) => void

/** @throws Problem `forbidden_origin`, from the guard that it gives. */
export function createHostGuard(publicUrl: string): HostGuard {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname])
  return ({ headers }, anyOrigin = false) => {
    const host = hostnameOf(`http://${headers.host ?? ''}`)
    if (host === undefined || !(names.has(host) || isAddress(host))) {
      throw new Problem('forbidden_origin', 'The Host header names another server.')
    }
    const { origin } = headers
    if (origin === undefined || anyOrigin) return
    const from = hostnameOf(origin)
    if (from === undefined || !(names.has(from) || from === host)) {
      throw new Problem('forbidden_origin', 'The Origin header names another site.')
    }
  }
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname || undefined : undefined
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0
}

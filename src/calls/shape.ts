/** Validated arguments become the exact bytes that would be sent, and the hash they are bound by. */
import type { Offer } from '#catalogue'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { Problem } from '#core/problem'
import { shapeRequest } from '#upstreams'
import type { Dispatch, Order, ShapedRequest } from './call.js'

type Deps = {
  catalogue: { validate(offer: Offer, args: unknown): { path: string; message: string }[] }
}

/** @throws Problem `invalid_arguments` with the failing paths. */
export function shape(deps: Deps, offer: Offer, order: Pick<Order, 'arguments'>): ShapedRequest {
  const faults = deps.catalogue.validate(offer, order.arguments)
  if (faults.length > 0) {
    const list = faults.map(({ path, message }) => `${path || '/'} ${message}`).join('; ')
    throw new Problem(
      'invalid_arguments',
      `The arguments do not fit ${offer.endpointId}: ${list}.`,
      {
        facts: { paths: faults },
      },
    )
  }
  return {
    dispatch: dispatchOf(offer, order.arguments),
    hash: requestHash(offer.endpointId, offer.version, order.arguments),
  }
}

function dispatchOf({ target }: Offer, args: Record<string, unknown>): Dispatch {
  switch (target.kind) {
    case 'http':
      return { kind: 'http', request: shapeRequest(target, args) }
    case 'tool': {
      const headers = { 'content-type': 'application/json' }
      const body = Buffer.from(JSON.stringify(args))
      return { kind: 'tool', request: { method: 'POST', url: target.url, headers, body } }
    }
    case 'mcp':
      return { ...target, arguments: args }
    case 'code':
      return { ...target, arguments: args }
  }
}

/** SHA-256 over the canonical JSON of what was asked for. */
export function requestHash(
  endpointId: string,
  version: number | null,
  args: Record<string, unknown>,
): string {
  // The members in canonical order, so that the arguments are walked once.
  return sha256Hex(
    `{"arguments":${canonicalJson(args)},"endpoint_id":${canonicalJson(endpointId)},"version":${version}}`,
  )
}

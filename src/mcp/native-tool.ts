/** An endpoint as clients see it among a gateway's tools. */
import type { OfferedTool } from '#gateways'
import { FEE_BPS, isFree, showPrice } from '#pricing'
import { isObject, withoutHints } from '#schemas'

type Definition = OfferedTool['offer']['definition']

/** The JSON of each offer's tool but for its name, of which gateways give it any number. */
const written = new WeakMap<OfferedTool['offer'], string>()

/** JSON of a Tool. */
export function toolText({ offer, name }: OfferedTool): string {
  const known = written.get(offer)
  const rest = known ?? JSON.stringify(namelessTool(offer)).slice(1)
  if (known === undefined) written.set(offer, rest)
  return `{"name":${JSON.stringify(name)},${rest}`
}

/**
 * Whether the tool's results have to keep to an output schema. An HTTP API's schema says what its
 * seller thinks of it, and clients refuse a result that differs: it is not passed on.
 */
export function hasOutputSchema({ target, definition }: OfferedTool['offer']): boolean {
  return target.kind !== 'http' && definition.output_schema?.type === 'object'
}

function namelessTool(offer: OfferedTool['offer']) {
  const { definition, price } = offer
  const shown = showPrice(price, FEE_BPS)
  const cost = isFree(price) ? '' : ` Costs at most ${shown.max_total} USDC a call.`
  return {
    title: definition.title,
    description: `${definition.description}${cost}`,
    inputSchema: inputSchemaOf(definition),
    ...(hasOutputSchema(offer) && { outputSchema: withoutHints(definition.output_schema) }),
    annotations: annotationsOf(definition, isFree(price)),
    _meta: {
      'souk/endpoint_id': offer.endpointId,
      'souk/version': offer.version,
      'souk/price': shown,
    },
  }
}

/** Clients demand an object at the root. */
function inputSchemaOf({ input_schema }: Definition): object {
  return { type: 'object', ...withoutHints(input_schema) }
}

/** Hints for those who ask before they call. What costs money is never said to be read-only. */
function annotationsOf(definition: Definition, isFree: boolean): object {
  const hints = 'method' in definition ? hintsOf(definition.method) : saidHints(definition)
  return { ...hints, ...(!isFree && { readOnlyHint: false }) }
}

function hintsOf(method: string) {
  const isReading = method === 'GET' || method === 'HEAD'
  return {
    readOnlyHint: isReading,
    destructiveHint: !isReading && method !== 'POST',
    idempotentHint: method !== 'POST' && method !== 'PATCH',
    openWorldHint: true,
  }
}

const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint']

/** What a tool's owner says of it, as far as it is a hint. */
function saidHints({ annotations }: Extract<Definition, { name: string }>) {
  if (!isObject(annotations)) return {}
  const hints = Object.entries(annotations).filter(
    ([name, value]) => HINTS.includes(name) && typeof value === 'boolean',
  )
  return Object.fromEntries(hints)
}

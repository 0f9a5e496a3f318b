/** What the search is told of what is for sale. */
import { FEE_BPS, maxCharge, readPrice, totalOf } from '#pricing'
import type { JsonSchema } from '#schemas'
import type { SearchDocument } from '#search'
import { type Endpoint, type EndpointDefinition, isHttp, type Listing, urlOf } from './listing.js'

/** A seller as search results name it. */
export type Seller = { id: string; name: string; slug: string }

/** What the search knows about each endpoint of a listing that can be bought now. */
export function toDocuments(
  listing: Pick<Listing, 'title' | 'description' | 'category' | 'sellerId'>,
  endpoints: readonly Endpoint[],
  seller: Seller,
): SearchDocument[] {
  return endpoints
    .filter((endpoint) => endpoint.status === 'active')
    .map(({ endpointId, definition, changedAtMs }) => {
      const price = readPrice(definition.price)
      return {
        endpointId,
        title: definition.title,
        description: definition.description,
        ...placeOf(definition),
        listingTitle: listing.title,
        listingDescription: listing.description,
        category: listing.category,
        sellerId: listing.sellerId,
        sellerName: seller.name,
        sellerSlug: seller.slug,
        parameters: parametersOf(definition.input_schema),
        tags: definition.tags ?? [],
        changedAtMs,
        maxTotal: totalOf(maxCharge(price), FEE_BPS),
      }
    })
}

/** What a search knows of where an endpoint is called; a tool is found by its name. */
function placeOf(definition: EndpointDefinition): Pick<SearchDocument, 'method' | 'path' | 'host'> {
  const host = urlOf(definition)?.hostname ?? ''
  if (isHttp(definition)) return { method: definition.method, path: definition.path, host }
  return { method: 'POST', path: `/${definition.name}`, host }
}

function parametersOf(schema: JsonSchema): SearchDocument['parameters'] {
  return Object.entries(Object(schema.properties)).map(([name, argument]) => {
    const { description } = Object(argument)
    return { name, description: typeof description === 'string' ? description : '' }
  })
}

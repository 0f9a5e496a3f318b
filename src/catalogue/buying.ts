/** The buyer's side of the catalogue: what a call asks of it, from memory where it can. */
import type { Principal } from '#accounts'
import type { createValidators } from '#schemas'
import type { Db } from '#store'
import { type ActiveEndpoint, activeEndpoints, type EndpointsOf } from './active-endpoints.js'
import { isVisible, type Offer, type Offers, requireForSale } from './offers.js'
import { type Names, type VisibleNames, visibleNames } from './visible-names.js'

type Deps = { db: Db; offers: Offers; validators: ReturnType<typeof createValidators> }

export function createBuying({ db, offers, validators }: Deps) {
  /** A tool takes what its schema lets pass; where arguments have places, each must be declared. */
  const validatorOf = ({ target, inputSchema, schemaHash }: Offer) =>
    target.kind === 'http'
      ? validators.for(inputSchema, schemaHash)
      : validators.forTool(inputSchema, schemaHash)
  return {
    /** @throws Problem `endpoint_not_found`, `listing_changed`. */
    offer: async (endpointId: string, version?: number, buyer?: Principal): Promise<Offer> =>
      requireForSale(await offers.find(endpointId, version), endpointId, buyer),
    /** The offer as this principal may know it, whether or not it can be bought now. */
    find: async (
      endpointId: string,
      version: number | undefined,
      looker: Principal,
    ): Promise<Offer | undefined> => {
      const offer = await offers.find(endpointId, version)
      return offer && isVisible(offer, looker) ? offer : undefined
    },
    /** See {@link activeEndpoints}. */
    activeEndpoints: (of: EndpointsOf): Promise<ActiveEndpoint[]> => activeEndpoints(db, of),
    /** See {@link visibleNames}. */
    visibleNames: (looker: Principal, names: Names): Promise<VisibleNames> =>
      visibleNames(db, looker, names),
    /** Another number whenever something that is for sale changed. */
    edition: (): number => offers.edition(),
    /** Checks arguments against an offer's schema; at most 20 failing paths. */
    validate: (offer: Offer, args: unknown) => validatorOf(offer)(args),
    /** Checks an answer against what its offer promises of it; at most 20 failing paths. */
    validateAnswer: ({ output }: Offer, value: unknown) =>
      output ? validators.forTool(output.schema, output.hash)(value) : [],
  }
}

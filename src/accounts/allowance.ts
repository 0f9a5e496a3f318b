/**
 * Who may use what. A list names what may be used; several lists in a row (of the account, of the one
 * above it, of the key and of those it descends from) let through only what each of them names.
 */
import { z } from 'zod'
import type { Principal } from './accounts.js'

const MAX_NAMES = 500
const names = z.array(z.string().min(1).max(140)).max(MAX_NAMES)

export const allowSchema = z.strictObject({
  listings: names.optional().describe('slugs of listings'),
  servers: names.optional().describe('names of MCP servers'),
})

/** Without any list: everything. With one: only what either list names. */
export type Allow = {
  listings?: readonly string[] | undefined
  servers?: readonly string[] | undefined
}

/** What somebody wants to use: an endpoint of a listing, by its names and its owner. */
export type Thing = {
  /** Slug of the listing. */
  listing: string
  /** Name of the MCP server that it stands for, if it does. */
  server?: string | undefined
  /** The account that sells it. */
  ownerId: string
  /** Whether only its owner, and the accounts below that one, may know of it. */
  isPrivate?: boolean | undefined
}

/**
 * Whether a principal may see, price and call something. Pure, and the only place that says so.
 *
 * @param principal absent where looking needs no key.
 */
export function mayUse(principal: Principal | undefined, thing: Thing): boolean {
  if (thing.isPrivate && !isOwners(principal, thing.ownerId)) return false
  return listsOf(principal).every((allow) => hasName(allow, thing))
}

/** Every list that binds a principal; none where all that it could see is allowed. */
function listsOf(principal: Principal | undefined): Allow[] {
  if (!principal) return []
  const { account, parent, lineage } = principal
  const lists = [parent?.allow, account.allow, ...lineage.map(({ allow }) => allow)]
  return lists.filter((allow) => allow !== undefined && isList(allow)) as Allow[]
}

/** Another text whenever other lists bind a principal. */
export function listsEdition(principal: Principal): string {
  return JSON.stringify(listsOf(principal))
}

/**
 * The slugs that can pass all lists of a principal, for a search; `undefined` for all.
 *
 * @param listingsOf the slugs of the listings of an MCP server.
 */
export function allowedListings(
  principal: Principal | undefined,
  listingsOf: (server: string) => readonly string[] = () => [],
): ReadonlySet<string> | undefined {
  const lists = listsOf(principal)
  if (lists.length === 0) return undefined
  const [first, ...others] = lists.map(
    ({ listings = [], servers = [] }) => new Set([...listings, ...servers.flatMap(listingsOf)]),
  )
  return new Set([...first!].filter((slug) => others.every((other) => other.has(slug))))
}

/** The MCP servers that lists of a principal name. */
export function serversNamedFor(principal: Principal | undefined): string[] {
  return [...new Set(listsOf(principal).flatMap(({ servers }) => servers ?? []))]
}

/** Whether a child's own list names nothing that its parent's does not. */
export function isNarrower(child: Allow, parent: Allow): boolean {
  if (!isList(parent) || !isList(child)) return true
  const { listings = [], servers = [] } = child
  return (
    listings.every((slug) => parent.listings?.includes(slug)) &&
    servers.every((name) => parent.servers?.includes(name))
  )
}

function isList({ listings, servers }: Allow): boolean {
  return listings !== undefined || servers !== undefined
}

function hasName({ listings, servers }: Allow, { listing, server }: Thing): boolean {
  return (
    listings?.includes(listing) === true ||
    (server !== undefined && servers?.includes(server) === true)
  )
}

function isOwners(principal: Principal | undefined, ownerId: string): boolean {
  return principal?.account.id === ownerId || principal?.account.parentId === ownerId
}

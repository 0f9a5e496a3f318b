/**
 * An audit of what is for sale: credentials open, every version that was ever sold can still be
 * read, priced and checked against, and search finds exactly what is published.
 */
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { Problem } from '#core/problem'
import { priceSchema } from '#pricing'
import { checkSchemaShape, proveSchemas } from '#schemas'
import type { Reader } from '#store'
import type { CredentialVault } from '#upstreams'
import { searchFault } from './check-search.js'
import { openHandlerCredential } from './handler-credentials.js'
import { type EndpointDefinition, type ListingRow, toListing } from './listing.js'
import { credentialOf } from './offers.js'

/** Listings or versions that are read, and their schemas proved, in one go. */
const PORTION = 200
const RESTORE = 'restore the database from a backup that has it right'
const SET_AGAIN = 'its seller must set it again (PUT /v1/listings/{id}/credential)'
const DECLARE_AGAIN = 'its owner must declare the tool again, with handler_auth'
const INDEX_AGAIN = 'stop the gateway, delete search.index and start again, which makes it anew'

type Deps = {
  reader: Reader
  vault: CredentialVault
  /** The file of the embedded search. */
  searchFile: string
  progress: Progress
}
type Findings = ReturnType<typeof collectFindings>
type HandlerRow = { endpoint_id: string; url: string; sealed: Buffer; seller_id: string }
type VersionRow = { endpoint_id: string; version: bigint; definition: string }
type Schema = { where: string; schema: Record<string, unknown> }

export async function checkListings(deps: Deps): Promise<Checked> {
  const findings = collectFindings()
  const listings = await checkCredentials(deps, findings)
  await checkHandlers(deps, findings)
  const versions = await checkVersions(deps, findings)
  await checkLatest(deps.reader, findings)
  const fault = await searchFault(deps.reader, deps.searchFile)
  if (fault !== undefined) findings.add(fault, INDEX_AGAIN)
  const { first, count } = findings
  const flags = await openFlags(deps.reader)
  const checked = `${listings} listings, ${versions} versions of endpoints${flags}`
  return { checked, first, count }
}

async function checkCredentials({ reader, vault }: Deps, findings: Findings): Promise<number> {
  const after = (id: string) =>
    reader.all<ListingRow>(`select * from listings where id > ? order by id limit ${PORTION}`, [id])
  let count = 0
  for (let rows = await after(''); rows.length > 0; rows = await after(rows.at(-1)!.id)) {
    count += rows.length
    for (const row of rows) checkListing(row, vault, findings)
  }
  return count
}

function checkListing(row: ListingRow, vault: CredentialVault, findings: Findings): void {
  const name = `the listing ${row.slug} (${row.id})`
  const listing = attempt(() => toListing(row))
  if (!listing) {
    findings.add(`${name} cannot be read`, RESTORE)
    return
  }
  const { type, sealed } = listing.credential
  if (listing.status === 'published' && type !== 'none' && sealed === null) {
    findings.add(`${name} is published without its credential`, SET_AGAIN)
  }
  if (attempt(() => credentialOf(vault, listing)) === undefined) {
    findings.add(`the credential of ${name} does not open under the master key`, SET_AGAIN)
  }
}

/** Secrets of tools' handlers open for exactly the handlers that they are for. */
async function checkHandlers({ reader, vault }: Deps, findings: Findings): Promise<void> {
  const after = (endpointId: string, url: string) =>
    reader.all<HandlerRow>(
      `select handler_credentials.endpoint_id, url, sealed, seller_id from handler_credentials
       join endpoints on endpoints.endpoint_id = handler_credentials.endpoint_id
       join listings on listings.id = endpoints.listing_id
       where (handler_credentials.endpoint_id, url) > (?, ?)
       order by handler_credentials.endpoint_id, url limit ${PORTION}`,
      [endpointId, url],
    )
  for (let rows = await after('', ''); rows.length > 0; ) {
    for (const { endpoint_id: endpointId, url, sealed, seller_id: sellerId } of rows) {
      const handler = { sellerId, endpointId, url }
      if (attempt(() => openHandlerCredential(vault, handler, sealed)) !== undefined) continue
      const where = `the secret of the handler of ${endpointId} at ${new URL(url).origin}`
      findings.add(`${where} does not open under the master key`, DECLARE_AGAIN)
    }
    const last = rows.at(-1)!
    rows = await after(last.endpoint_id, last.url)
  }
}

async function checkVersions({ reader, progress }: Deps, findings: Findings): Promise<number> {
  const after = (endpointId: string, version: bigint) =>
    reader.all<VersionRow>(
      `select endpoint_id, version, definition from endpoint_versions
       where (endpoint_id, version) > (?, ?) order by endpoint_id, version limit ${PORTION}`,
      [endpointId, version],
    )
  let count = 0
  for (let rows = await after('', 0n); rows.length > 0; ) {
    await checkSchemas(
      rows.flatMap((row) => readVersion(row, findings)),
      findings,
    )
    count += rows.length
    progress(count)
    const { endpoint_id, version } = rows.at(-1)!
    rows = await after(endpoint_id, version)
  }
  return count
}

/** The schema of a version, unless something about the version is found wrong. */
function readVersion({ endpoint_id, version, definition }: VersionRow, findings: Findings) {
  const where = `${endpoint_id} version ${version}`
  const read = attempt(() => JSON.parse(definition) as EndpointDefinition)
  if (!read) {
    findings.add(`${where} cannot be read`, RESTORE)
    return []
  }
  if (!priceSchema.safeParse(read.price).success) {
    findings.add(`${where} has no price that can be charged`, RESTORE)
  }
  return [{ where, schema: read.input_schema }]
}

/**
 * Compiles schemas as they are compiled when a listing is made: in a thread, within limits. A thread
 * ends at the first bad schema and takes long to start, so what fails together is halved.
 */
async function checkSchemas(schemas: readonly Schema[], findings: Findings): Promise<void> {
  const [first] = schemas
  if (!first) return
  try {
    for (const { where, schema } of schemas) checkSchemaShape(schema, where)
    await proveSchemas(schemas)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (schemas.length === 1) {
      findings.add(`the input schema of ${first.where} does not compile`, RESTORE)
      return
    }
    const middle = Math.ceil(schemas.length / 2)
    await checkSchemas(schemas.slice(0, middle), findings)
    await checkSchemas(schemas.slice(middle), findings)
  }
}

/** They are for a person to look at, and nothing is broken by them. */
async function openFlags({ all }: Reader): Promise<string> {
  const sql = 'select count(*) as count from text_flags where cleared_at is null'
  const [row] = await all<{ count: bigint }>(sql)
  const count = Number(row!.count)
  return count === 0 ? '' : `, ${count} texts to look at (GET /v1/operator/flags)`
}

async function checkLatest({ all }: Reader, findings: Findings): Promise<void> {
  const sql = `select endpoint_id from endpoints where not exists (
    select 1 from endpoint_versions v
    where v.endpoint_id = endpoints.endpoint_id and v.version = latest_version)`
  for (const { endpoint_id } of await all<{ endpoint_id: string }>(sql)) {
    findings.add(`the latest version of ${endpoint_id} is missing`, RESTORE)
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

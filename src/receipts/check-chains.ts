/**
 * An audit of all that we signed: every stored receipt has the place in its chain, the signature and
 * the columns that it should have. It reads in portions, takes some 100 µs a receipt, and holds one
 * portion and the head of one chain in memory.
 */
import { type KeyObject, verify } from 'node:crypto'
import { sha256Hex } from '#core/canonical-json'
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { int, type Reader } from '#store'
import { importPublicKey, importSigningKey, jwsHeader, type PublicJwk } from './signing-keys.js'
import { ownerOf } from './stored-keys.js'
import { claimsFault } from './verify.js'

/** Rows of a portion: receipts take about 1.5 KB each. */
const PORTION = 500
const RESTORE = 'restore the database from a backup that has it whole'
const ASK_BUYER = `${RESTORE}; its buyer may hold a copy`

type Deps = {
  reader: Reader
  vault: { open(owner: string, sealed: Uint8Array): Buffer }
  progress: Progress
}

type KeyRow = { kid: string; public_jwk: string; sealed_private_key: Buffer | null }
type ReceiptRow = {
  id: string
  call_id: string
  buyer_id: string
  seller_id: string
  chain: string
  seq: bigint
  jws: string
}

type Add = (what: string, remedy: string) => void
/** Keys by the one header that a receipt signed with them has. */
type Keys = Map<string, KeyObject>
/** Where the walk stands; `hash` is `undefined` when the last receipt itself was not good. */
type Place = { buyer: string; chain: string; seq: number; hash: string | null | undefined }

export async function checkChains({ reader, vault, progress }: Deps): Promise<Checked> {
  const findings = collectFindings()
  const keys = await readKeys(reader, vault, findings.add)
  let [receipts, chains] = [0, 0]
  let place: Place = { buyer: '', chain: '', seq: 0, hash: null }
  for await (const rows of portions(reader)) {
    for (const row of rows) {
      const isSameChain = row.buyer_id === place.buyer && row.chain === place.chain
      if (!isSameChain) {
        chains++
        place = { buyer: row.buyer_id, chain: row.chain, seq: 0, hash: null }
      }
      place = step(place, row, keys, findings.add)
    }
    receipts += rows.length
    progress(receipts)
  }
  const checked = `${receipts} receipts in ${chains} chains, ${keys.size} keys`
  return { checked, first: findings.first, count: findings.count }
}

/** The public keys, and whether the private half that signs next opens. */
async function readKeys({ all }: Reader, vault: Deps['vault'], add: Add): Promise<Keys> {
  const keys: Keys = new Map()
  const rows = await all<KeyRow>('select kid, public_jwk, sealed_private_key from signing_keys')
  for (const { kid, public_jwk, sealed_private_key: sealed } of rows) {
    try {
      const jwk = JSON.parse(public_jwk) as PublicJwk
      if (jwk.kid !== kid) throw new Error('Not the key of its row.')
      keys.set(jwsHeader(kid, 'souk-receipt+jwt'), importPublicKey(jwk))
    } catch {
      add(`the public key ${kid} cannot be used`, RESTORE)
    }
    if (sealed && !opens(vault, kid, sealed)) {
      add(`the private key ${kid} does not open under the master key`, RESTORE)
    }
  }
  return keys
}

function opens(vault: Deps['vault'], kid: string, sealed: Buffer): boolean {
  try {
    return importSigningKey(vault.open(ownerOf(kid), sealed)).kid === kid
  } catch {
    return false
  }
}

/** All receipts, chain by chain. One that comes in meanwhile stands behind those that were there. */
async function* portions({ atOneMoment, all }: Reader): AsyncGenerator<ReceiptRow[]> {
  const after = (buyer: string, chain: string, seq: bigint) =>
    atOneMoment(() =>
      all<ReceiptRow>(
        `select id, call_id, buyer_id, seller_id, chain, seq, jws from receipts
         where (buyer_id, chain, seq) > (?, ?, ?) order by buyer_id, chain, seq limit ${PORTION}`,
        [buyer, chain, seq],
      ),
    )
  for (let rows = await after('', '', 0n); rows.length > 0; ) {
    yield rows
    const { buyer_id, chain, seq } = rows.at(-1)!
    rows = await after(buyer_id, chain, seq)
  }
}

function step(place: Place, row: ReceiptRow, keys: Keys, add: Add): Place {
  const seq = int(row.seq)
  const isNext = seq === place.seq + 1
  const chain = `${row.buyer_id} chain ${row.chain}`
  if (!isNext) {
    const [from, to] = [place.seq + 1, seq - 1]
    add(`${chain} seq ${from === to ? `${from} is` : `${from} to ${to} are`} missing`, ASK_BUYER)
  }
  const fault = faultOf(row, keys) ?? linkFault(row, isNext ? place.hash : undefined)
  if (fault !== undefined) add(`${chain} seq ${seq}: ${fault}`, ASK_BUYER)
  const hash = fault === undefined ? sha256Hex(row.jws) : undefined
  return { buyer: row.buyer_id, chain: row.chain, seq, hash }
}

/** What is wrong with a receipt as it stands alone. */
function faultOf(row: ReceiptRow, keys: Keys): string | undefined {
  const [header = '', payload = '', signature = '', ...rest] = row.jws.split('.')
  const key = keys.get(header)
  if (!key) return 'it was not signed with a key of this gateway'
  if (rest.length > 0 || !isBase64url(payload) || !isBase64url(signature)) {
    return 'its text is not that of a receipt'
  }
  const signed = Buffer.from(`${header}.${payload}`)
  // OpenSSL refuses a scalar that is not below the group order, as RFC 8032 demands.
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) {
    return 'its text was changed after it was signed'
  }
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  const column = columnUnlike(row, claims)
  if (column !== undefined) return `its column ${column} is not what was signed`
  const unfit = claimsFault(claims)
  return unfit === undefined ? undefined : `it would not verify (${unfit.replace(/\.$/, '')})`
}

/** @param hash that of the receipt before; `undefined` when that one is missing or not good. */
function linkFault({ jws }: ReceiptRow, hash: string | null | undefined): string | undefined {
  if (hash === undefined) return undefined
  const { prev } = JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString('utf8'))
  return prev === hash ? undefined : 'it does not continue the receipt before it'
}

function columnUnlike(row: ReceiptRow, claims: Record<string, unknown>): string | undefined {
  const said: [column: string, stored: unknown, signed: unknown][] = [
    ['id', row.id, claims.jti],
    ['call_id', row.call_id, claims.call_id],
    ['buyer_id', row.buyer_id, claims.buyer],
    ['seller_id', row.seller_id, claims.seller],
    ['chain', row.chain, claims.chain],
    ['seq', int(row.seq), claims.seq],
  ]
  return said.find(([, stored, signed]) => stored !== signed)?.[0]
}

/** Strictly: text that decodes to the same bytes in another spelling is not what was signed. */
function isBase64url(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

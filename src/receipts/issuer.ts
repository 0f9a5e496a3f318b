/** Issues receipts: signs the claims of a call, at its place in the buyer's chain. */
import { sha256Hex } from '#core/canonical-json'
import type { Id } from '#core/ids'
import { type ChainHeads, chainHeads, type Head } from './chain.js'
import { jwsSigner, type SigningKey } from './signing-keys.js'
import type { ReceiptClaims } from './verify.js'

/** Heads kept in memory, some 200 bytes each. Far more buyers than can be in flight at once. */
const MAX_HEADS = 10_000

/** What a call knows of its receipt; the rest is added when it is issued. */
export type CallClaims = Omit<ReceiptClaims, 'iss' | 'jti' | 'iat' | 'chain' | 'seq' | 'prev'>

/** A receipt to be issued: plain data, and little of it, so that another thread can be sent it. */
export type ReceiptOrder = {
  id: Id<'receipt'>
  /** The time of signing. */
  issuedAtMs: number
  callId: string
  buyer: string
  seller: string
  /** The {@link CallClaims} as JSON. */
  claims: string
}

export function orderReceipt(
  id: Id<'receipt'>,
  issuedAtMs: number,
  claims: CallClaims,
): ReceiptOrder {
  const { call_id, buyer, seller } = claims
  return { id, issuedAtMs, callId: call_id, buyer, seller, claims: JSON.stringify(claims) }
}

export type IssuedReceipt = { jws: string; seq: number }

export type ReceiptIssuer = Pick<ChainHeads, 'knows' | 'learn' | 'forget'> & {
  /**
   * Signs the next receipt of the buyer's chain and moves the chain on. Synchronous: it runs inside
   * the transaction that stores the receipt.
   */
  issue(order: ReceiptOrder): IssuedReceipt
}

/**
 * @param options.issuer the gateway's public URL, claim `iss`.
 * @param options.chainId names this gateway's chain, claim `chain`: two gateways never share one.
 * @param options.storedHead where the stored chain of a buyer ends.
 */
export function receiptIssuer(options: {
  issuer: string
  chainId: string
  key: SigningKey
  storedHead(buyer: string): Head | undefined
}): ReceiptIssuer {
  const { issuer, chainId } = options
  const heads = chainHeads(MAX_HEADS, options.storedHead)
  const sign = jwsSigner(options.key, 'souk-receipt+jwt')

  return {
    issue({ id, issuedAtMs, buyer, claims }) {
      const head = heads.at(buyer)
      const place = {
        iss: issuer,
        jti: id,
        iat: Math.floor(issuedAtMs / 1000),
        chain: chainId,
        seq: head.seq + 1,
        prev: head.prev,
      } satisfies Partial<ReceiptClaims>
      // Two objects become one without either being read again.
      const jws = sign(`${JSON.stringify(place).slice(0, -1)},${claims.slice(1)}`)
      heads.advance(buyer, sha256Hex(jws))
      return { jws, seq: place.seq }
    },
    knows: heads.knows,
    learn: heads.learn,
    forget: heads.forget,
  }
}

/** Issues receipts: signs the claims of a call, at its place in the buyer's chain. */
import { sha256Hex } from '#core/canonical-json'
import type { Id } from '#core/ids'
import { chainHeads, type Head } from './chain.js'
import { jwsSigner, type SigningKey } from './signing-keys.js'
import type { ReceiptClaims } from './verify.js'

/** Heads kept in memory, some 200 bytes each. Far more buyers than can be in flight at once. */
const MAX_HEADS = 10_000

/** What a call knows of its receipt; the rest is added when it is issued. */
export type CallClaims = Omit<ReceiptClaims, 'iss' | 'jti' | 'iat' | 'chain' | 'seq' | 'prev'>

export type IssuedReceipt = { jws: string; seq: number }

export type ReceiptIssuer = {
  /**
   * Signs the next receipt of the buyer's chain and moves the chain on. Synchronous: it runs inside
   * the transaction that stores the receipt. `iatMs` is the time of signing.
   */
  issue(claims: CallClaims, id: { jti: Id<'receipt'>; iatMs: number }): IssuedReceipt
  /** A transaction with receipts of ours was rolled back: chains go on from what is stored. */
  forget(): void
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
    issue(claims, { jti, iatMs }) {
      const head = heads.at(claims.buyer)
      const seq = head.seq + 1
      const iat = Math.floor(iatMs / 1000)
      const payload: ReceiptClaims = {
        iss: issuer,
        jti,
        iat,
        chain: chainId,
        seq,
        prev: head.prev,
        ...claims,
      }
      const jws = sign(payload)
      heads.advance(claims.buyer, sha256Hex(jws))
      return { jws, seq }
    },
    forget: heads.forget,
  }
}

/** Receipts to verify, issued by the real issuer with a fresh key. */

import { sha256Hex } from '#core/canonical-json'
import {
  type CallClaims,
  type IssuedReceipt,
  importSigningKey,
  newSigningKey,
  orderReceipt,
  type ReceiptIssuer,
  receiptIssuer,
} from '#receipts'

export const issuedAtMs = Date.UTC(2026, 0, 15, 12)
export const issuer = 'https://souk.example'
export const buyer = 'acct_buyer'

export const request = {
  endpoint_id: 'wiki.search',
  version: 3,
  arguments: { space: 'docs', q: 'Grüße, 世界', page: 1.5 },
}
export const response = new TextEncoder().encode('{"hits":[1,2,3]}')

/** A charged call: 0.001 and a fee of 5 %, with every optional claim. */
export const callClaims: CallClaims = {
  call_id: 'call_01',
  buyer,
  key_id: 'key_01',
  seller: 'acct_seller',
  endpoint_id: request.endpoint_id,
  version: request.version,
  request: {
    // Of the canonical text, written out so that no code of ours decides what is right.
    hash: sha256Hex(
      '{"arguments":{"page":1.5,"q":"Grüße, 世界","space":"docs"},"endpoint_id":"wiki.search","version":3}',
    ),
    alg: 'sha-256',
    fields: ['endpoint_id', 'version', 'arguments'],
  },
  response: { status: 200, hash: sha256Hex(response), bytes: response.length, truncated: false },
  quote_id: 'quote_01',
  idempotency_hash: sha256Hex('an idempotency key'),
  price: { model: 'per_unit', unit: 'word', amount: '0.0005', per: '1', quantity: '2' },
  currency: { asset: 'USDC', decimals: 9 },
  charge: { amount: '0.001', fee: '0.00005', total: '0.00105' },
  hold: '0.0105',
  outcome: 'charged',
  started_at: '2026-01-15T11:59:59.500Z',
  ended_at: '2026-01-15T12:00:00.000Z',
}

export function aSigningKey() {
  return importSigningKey(newSigningKey(issuedAtMs).pkcs8)
}

/** An issuer whose chains are all at their start. */
export function anIssuer(key = aSigningKey()): ReceiptIssuer {
  return receiptIssuer({ issuer, chainId: 'main', key, storedHead: () => undefined })
}

export function issueNext(
  issuing: ReceiptIssuer,
  changes: Partial<CallClaims> = {},
): IssuedReceipt {
  return issuing.issue(orderReceipt('rcpt_01', issuedAtMs, { ...callClaims, ...changes }))
}

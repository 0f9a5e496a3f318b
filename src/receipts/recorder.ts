/**
 * Issues receipts where calls are written: inside the transaction that moves the money, in the order
 * in which calls end, so that each receipt follows the one before it.
 */
import type { RowWrite, SqliteConnection } from '#store'
import { type ReceiptOrder, receiptIssuer } from './issuer.js'
import type { SigningKey } from './signing-keys.js'
import { insertReceipt, storedHeads } from './stored-receipts.js'

/**
 * The ledger's recorder: of a {@link ReceiptOrder} it makes the receipt's row and its JWS.
 *
 * @param options.connection the one that the rows are written on.
 */
export function receiptRecorder(options: {
  connection: SqliteConnection
  issuer: string
  chainId: string
  key: SigningKey
}) {
  const { connection, chainId } = options
  const issuer = receiptIssuer({ ...options, storedHead: storedHeads(connection, chainId) })
  return {
    record(entry: unknown): { rows: RowWrite[]; recorded: string } {
      const order = entry as ReceiptOrder
      const { jws, seq } = issuer.issue(order)
      const { id, callId, buyer, seller } = order
      const row = insertReceipt([id, callId, buyer, seller, chainId, seq, jws])
      return { rows: [row], recorded: jws }
    },
    keep: issuer.keep,
    forget: issuer.forget,
  }
}

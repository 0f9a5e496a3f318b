/**
 * Issues receipts where calls are written: inside the transaction that moves the money, in the order
 * in which calls end, so that each receipt follows the one before it.
 */
import type { Pipeline, RowWrite, SqliteConnection } from '#store'
import { type ReceiptIssuer, type ReceiptOrder, receiptIssuer } from './issuer.js'
import type { SigningKey } from './signing-keys.js'
import { insertReceipt, readHeads, storedHeads } from './stored-receipts.js'

type Signing = { issuer: string; chainId: string; key: SigningKey }

/**
 * The ledger's recorder: of a {@link ReceiptOrder} it makes the receipt's row and its JWS.
 *
 * @param options.connection the one that the rows are written on.
 */
export function receiptRecorder(options: Signing & { connection: SqliteConnection }) {
  const storedHead = storedHeads(options.connection, options.chainId)
  return recorder(options.chainId, receiptIssuer({ ...options, storedHead }))
}

/** The same where the ends of chains are read beforehand. */
export function receiptRecorderOnPostgres(options: Signing) {
  const { chainId } = options
  const storedHead = () => {
    throw new Error('the end of the chain was not read')
  }
  const issuer = receiptIssuer({ ...options, storedHead })
  return {
    ...recorder(chainId, issuer),
    async prepare(entries: readonly unknown[], read: Pipeline['run']): Promise<void> {
      const buyers = (entries as ReceiptOrder[]).map(({ buyer }) => buyer)
      const unknown = [...new Set(buyers)].filter((buyer) => !issuer.knows(buyer))
      if (unknown.length === 0) return
      const heads = await readHeads(read, chainId, unknown)
      for (const buyer of unknown) issuer.learn(buyer, heads.get(buyer))
    },
  }
}

function recorder(chainId: string, issuer: ReceiptIssuer) {
  return {
    record(entry: unknown): { rows: RowWrite[]; recorded: string } {
      const order = entry as ReceiptOrder
      const { jws, seq } = issuer.issue(order)
      const { id, callId, buyer, seller } = order
      const row = insertReceipt([id, callId, buyer, seller, chainId, seq, jws])
      return { rows: [row], recorded: jws }
    },
    forget: issuer.forget,
  }
}

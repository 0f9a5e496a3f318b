/** The rows of approvals, and what they mean. */
import type { Id } from '#core/ids'
import { type Nanos, nanos } from '#core/money'
import { int, type Store } from '#store'

export type Approval = {
  id: Id<'approval'>
  accountId: Id<'account'>
  quoteId: Id<'quote'>
  /** The call that was made with it, if any. */
  callId: string | null
  /** The key that asked for it. */
  keyName: string
  endpointId: string
  title: string
  sealedArguments: Buffer
  maxTotal: Nanos
  state: 'open' | 'approved' | 'declined'
  expiresAtMs: number
}

type ApprovalRow = {
  id: string
  account_id: string
  quote_id: string
  call_id: string | null
  key_name: string | null
  endpoint_id: string
  title: string
  arguments: Buffer
  max_total: bigint
  state: string
  expires_at: bigint
}

export function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id as Id<'approval'>,
    accountId: row.account_id as Id<'account'>,
    quoteId: row.quote_id as Id<'quote'>,
    callId: row.call_id,
    keyName: row.key_name ?? '',
    endpointId: row.endpoint_id,
    title: row.title,
    sealedArguments: row.arguments,
    maxTotal: nanos(BigInt(row.max_total)),
    state: row.state as Approval['state'],
    expiresAtMs: int(row.expires_at),
  }
}

/** Written out, for the index of the open ones is not found by a parameter. */
export const IS_OPEN = "approvals.state = 'open'"

/** Approvals with what became of their quote, and the name of the key that asked. */
export function approvalRows({ db }: Store, where: Record<string, string> = {}) {
  const own = Object.entries(where).map(([name, value]) => [`approvals.${name}`, value])
  return db<ApprovalRow>('approvals')
    .leftJoin('quotes', 'quotes.id', 'approvals.quote_id')
    .leftJoin('api_keys', 'api_keys.id', 'approvals.key_id')
    .where(Object.fromEntries(own))
    .select<ApprovalRow[]>('approvals.*', 'quotes.call_id', 'api_keys.name as key_name')
}

export async function findApproval(
  store: Store,
  where: Record<string, string>,
): Promise<Approval | undefined> {
  const row = await approvalRows(store, where).first()
  return row && toApproval(row)
}

/** The chart of accounts, complete. An address says whose money it is and in which state. */
export type LedgerAddress =
  | 'chain:usdc'
  | 'platform:grants'
  | 'platform:fees'
  | 'platform:unattributed'
  | `buyer:${string}:available`
  | `buyer:${string}:held`
  | `seller:${string}:earned`
  | `seller:${string}:leaving`

export const GRANTS: LedgerAddress = 'platform:grants'
export const FEES: LedgerAddress = 'platform:fees'

export function available(account: string): LedgerAddress {
  return `buyer:${account}:available`
}

export function held(account: string): LedgerAddress {
  return `buyer:${account}:held`
}

export function earned(account: string): LedgerAddress {
  return `seller:${account}:earned`
}

export function leaving(account: string): LedgerAddress {
  return `seller:${account}:leaving`
}

/** Where money comes into being for the books: on chain, and as the operator's grants. */
export function mayBeNegative(address: string): boolean {
  return address === 'chain:usdc' || address === GRANTS
}

/**
 * Whether calls only pay into an address, every gateway at once. Paying in needs no look at the
 * balance, so nobody has to wait for anybody; a transfer out of it must lock it first.
 */
export function isCreditedOnly(address: string): boolean {
  return address === FEES || address.endsWith(':earned')
}

/** Rows of people, and what they mean. */
import type { Id } from '#core/ids'

export type Person = {
  id: Id<'person'>
  accountId: Id<'account'>
  /** In lower case. */
  email: string | null
  /** In lower case. */
  walletAddress: string | null
}

export type PersonRow = {
  id: string
  account_id: string
  email: string | null
  password: string | null
  wallet_address: string | null
}

export function toPerson(row: Omit<PersonRow, 'password'>): Person {
  return {
    id: row.id as Id<'person'>,
    accountId: row.account_id as Id<'account'>,
    email: row.email,
    walletAddress: row.wallet_address,
  }
}

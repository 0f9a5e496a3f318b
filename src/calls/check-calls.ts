/**
 * An audit of every call against its receipt and its entries in the ledger. A stored call says to
 * the nano which postings it must have, so they are worked out and compared. It reads in portions,
 * each of them one snapshot, since a running gateway writes a call and its money together.
 */
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { formatUsdc, nanos } from '#core/money'
import {
  available,
  BEFORE_ALL_POSTINGS,
  earned,
  entryReader,
  FEES,
  held,
  type StoredHold,
  type StoredPosting,
} from '#ledger'
import { claimsOf, receiptReader } from '#receipts'
import { int, parameterRows, type Reader } from '#store'
import type { CallRow } from './call-rows.js'

const PORTION = 500
const RESTORE = 'restore the database from a backup that has it right'
const CORRECT =
  'the receipt is signed: correct the call by it, or restore the database from a backup'

type StoredCall = Pick<
  CallRow,
  | 'buyer_id'
  | 'payer_id'
  | 'id'
  | 'seller_id'
  | 'endpoint_id'
  | 'version'
  | 'outcome'
  | 'hold'
  | 'charge'
  | 'fee'
  | 'receipt_id'
>

type Books = {
  reader: Reader
  entries: ReturnType<typeof entryReader>
  receipts: ReturnType<typeof receiptReader>
}
/** A call and what was found of it elsewhere. */
type Found = {
  call: StoredCall
  hold: StoredHold | undefined
  receipt: { call_id: string; jws: string } | undefined
  postings: readonly StoredPosting[]
}
type Findings = ReturnType<typeof collectFindings>
type Fault = { what: string; remedy: string }

export async function checkCalls(deps: { reader: Reader; progress: Progress }): Promise<Checked> {
  const { reader, progress } = deps
  const books = { reader, entries: entryReader(reader), receipts: receiptReader(reader) }
  const findings = collectFindings()
  const { calls, open } = await checkEach(books, findings, progress)
  await checkHolds(books, findings)
  await checkReferences(books, findings, (read) => progress(calls + read))
  await checkStrayReceipts(books, findings)
  const { first, count } = findings
  return { checked: `${calls} calls, ${open} of them open`, first, count }
}

async function checkEach(books: Books, findings: Findings, tell: Progress) {
  let [calls, open] = [0, 0]
  let last = { buyer_id: '', id: '' }
  for (;;) {
    const portion = await books.reader.atOneMoment(() => callsAfter(books, last))
    if (portion.length === 0) return { calls, open }
    for (const found of portion) {
      const { call } = found
      if (call.outcome === 'held') open++
      for (const { what, remedy } of faultsOf(found)) {
        findings.add(`${call.id} of ${call.buyer_id} ${what}`, remedy)
      }
    }
    last = portion.at(-1)!.call
    calls += portion.length
    tell(calls)
  }
}

async function callsAfter(
  { reader, entries, receipts }: Books,
  last: { buyer_id: string; id: string },
): Promise<Found[]> {
  const calls = await reader.all<StoredCall>(
    `select buyer_id, payer_id, id, seller_id, endpoint_id, version, outcome, hold, charge, fee, receipt_id
     from calls where (buyer_id, id) > (?, ?) order by buyer_id, id limit ${PORTION}`,
    [last.buyer_id, last.id],
  )
  if (calls.length === 0) return []
  const ids = calls.map(({ id }) => id)
  const holds = await entries.openHoldsOf(ids)
  const postings = await entries.postingsOf(ids)
  const found = await receipts.find(calls.flatMap(({ receipt_id }) => receipt_id ?? []))
  return calls.map((call) => ({
    call,
    hold: holds.get(call.id),
    receipt: call.receipt_id === null ? undefined : found.get(call.receipt_id),
    postings: postings.get(call.id) ?? [],
  }))
}

function faultsOf({ call, hold, receipt, postings }: Found): Fault[] {
  const faults = [holdFault(call, hold), receiptFault(call, receipt), postingFault(call, postings)]
  return faults.filter((fault) => fault !== undefined)
}

/** A call is open as long as its hold is. */
function holdFault(call: StoredCall, hold: StoredHold | undefined): Fault | undefined {
  const isOpen = call.outcome === 'held'
  if (!isOpen) return hold && { what: 'is over, but its hold is still open', remedy: RESTORE }
  if (!hold) return { what: 'is open, but has no hold, so it can never end', remedy: RESTORE }
  if (hold.account === payerOf(call) && hold.amount === call.hold) return undefined
  return { what: 'is open with a hold of another payer or amount', remedy: RESTORE }
}

/** Whatever was sent has a receipt that says the same; what was not sent has none. */
function receiptFault(call: StoredCall, receipt: Found['receipt']): Fault | undefined {
  const id = call.receipt_id
  const needsReceipt = call.outcome !== 'held' && call.outcome !== 'failed'
  if (!needsReceipt) {
    return id === null ? undefined : { what: `is ${call.outcome} with a receipt`, remedy: RESTORE }
  }
  if (!receipt || receipt.call_id !== call.id) {
    return {
      what: `has lost its receipt ${id ?? ''}`.trimEnd(),
      remedy: `${RESTORE}; its buyer may hold a copy`,
    }
  }
  const unlike = claimUnlike(call, receipt.jws)
  if (!unlike) return undefined
  const [name, stored, signed] = unlike
  return { what: `has ${name} ${stored}, its receipt says ${signed}`, remedy: CORRECT }
}

function claimUnlike(call: StoredCall, jws: string) {
  const claims = readable(jws)
  const said: [name: string, stored: string, signed: unknown][] = [
    ['charge', usdc(call.charge), claims?.charge?.amount],
    ['fee', usdc(call.fee), claims?.charge?.fee],
    ['hold', usdc(call.hold), claims?.hold],
    ['outcome', call.outcome, claims?.outcome],
    ['buyer', call.buyer_id, claims?.buyer],
    ['seller', call.seller_id, claims?.seller],
    ['endpoint', call.endpoint_id, claims?.endpoint_id],
    ['version', String(call.version), claims && String(claims.version)],
  ]
  return said.find(([, stored, signed]) => stored !== signed)
}

function readable(jws: string): ReturnType<typeof claimsOf> | undefined {
  try {
    return claimsOf(jws)
  } catch {
    return undefined
  }
}

function postingFault(call: StoredCall, stored: readonly StoredPosting[]): Fault | undefined {
  const due = duePostings(call)
  const isSame =
    due.length === stored.length && due.every((posting, at) => isAlike(posting, stored[at]!))
  if (isSame) return undefined
  const [said, found] = [due, stored].map(shown)
  return { what: `should have the postings ${said}, the ledger has ${found}`, remedy: RESTORE }
}

/** What a call has posted, ordered as it is read: capture, hold, release. */
function duePostings(call: StoredCall): StoredPosting[] {
  const { outcome, hold, charge, fee } = call
  const payer = payerOf(call)
  const [free, aside] = [available(payer), held(payer)]
  const taken = { kind: 'hold', from: free, to: aside, amount: hold }
  const givenBack = { from: aside, to: free, amount: hold - charge - fee }
  const captured = [
    { kind: 'capture', from: aside, to: earned(call.seller_id), amount: charge },
    { kind: 'capture', from: aside, to: FEES, amount: fee },
    { kind: 'capture', ...givenBack },
  ]
  const isCaptured = outcome === 'charged' || outcome === 'free'
  const released = outcome === 'held' ? [] : [{ kind: 'release', ...givenBack }]
  const all = isCaptured ? [...captured, taken] : [taken, ...released]
  return all.filter(({ amount }) => amount !== 0n)
}

function isAlike(a: StoredPosting, b: StoredPosting): boolean {
  return a.kind === b.kind && a.from === b.from && a.to === b.to && a.amount === b.amount
}

function shown(postings: readonly StoredPosting[]): string {
  const texts = postings.map(({ kind, to, amount }) => `${kind} ${usdc(amount)} to ${to}`)
  return texts.join(', ') || 'none'
}

async function checkHolds(books: Books, findings: Findings): Promise<void> {
  const { reader, entries } = books
  for (let last: string | undefined = ''; last !== undefined; ) {
    last = await reader.atOneMoment(async () => {
      const holds = await entries.openHoldsAfter(last!, PORTION)
      for (const { reference, account, amount } of await withoutCall(reader, holds)) {
        findings.add(
          `the hold ${reference} of ${usdc(amount)} by ${account} has no call`,
          `no start gets past it: ${RESTORE}`,
        )
      }
      return holds.at(-1)?.reference
    })
  }
}

/** Money that moved for a call that is not there. */
async function checkReferences(books: Books, findings: Findings, tell: Progress): Promise<void> {
  const { reader, entries } = books
  let [last, read] = [BEFORE_ALL_POSTINGS, 0]
  for (let isMore = true; isMore; tell(read)) {
    isMore = await reader.atOneMoment(async () => {
      const postings = await entries.heldPostingsAfter(last, PORTION)
      // A reference has several postings, which two portions may share.
      const fresh = postings.filter(
        ({ reference }, i) => reference !== (postings[i - 1] ?? last).reference,
      )
      for (const { reference, account } of await withoutCall(reader, fresh)) {
        findings.add(`the ledger moved money of ${account} for ${reference}, no such call`, RESTORE)
      }
      last = postings.at(-1) ?? last
      read += fresh.length
      return postings.length > 0
    })
  }
}

/** Those of the references of which no call that their account pays for is stored. */
async function withoutCall<R extends { reference: string; account: string }>(
  { all }: Reader,
  references: readonly R[],
): Promise<R[]> {
  if (references.length === 0) return []
  const missing = await all<{ reference: string }>(
    `with wanted (account, reference) as (values ${parameterRows(references.length, 2)})
     select reference from wanted where not exists
       (select 1 from calls where buyer_id = wanted.account and id = wanted.reference)
     and not exists
       (select 1 from calls where payer_id = wanted.account and id = wanted.reference)`,
    references.flatMap(({ account, reference }) => [account, reference]),
  )
  const names = new Set(missing.map(({ reference }) => reference))
  return references.filter(({ reference }) => names.has(reference))
}

/** Each call was compared with its one receipt, so a buyer with more receipts than that has stray ones. */
async function checkStrayReceipts(books: Books, findings: Findings): Promise<void> {
  const { reader, receipts } = books
  const [called, signed] = await reader.atOneMoment(async () => [
    await reader.all<{ buyer: string; count: bigint }>(
      'select buyer_id as buyer, count(receipt_id) as count from calls group by buyer_id',
    ),
    await receipts.counts(),
  ])
  const counts = new Map(called.map(({ buyer, count }) => [buyer, int(count)]))
  for (const [buyer, count] of signed) {
    const stray = count - (counts.get(buyer) ?? 0)
    if (stray > 0) findings.add(`${buyer} has ${stray} receipts more than calls`, RESTORE)
  }
}

function payerOf({ payer_id, buyer_id }: StoredCall): string {
  return payer_id ?? buyer_id
}

function usdc(amount: bigint): string {
  return formatUsdc(nanos(amount))
}

/**
 * An audit of every call against its receipt and its entries in the ledger. A stored call says to
 * the nano which postings it must have, so they are worked out and compared. It reads in portions,
 * each of them one snapshot, since a running gateway writes a call and its money together.
 */
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { formatUsdc, nanos } from '#core/money'
import { available, earned, entryReader, FEES, held, type StoredPosting } from '#ledger'
import { claimsOf, receiptReader } from '#receipts'
import { int, type SqliteConnection } from '#store'
import type { CallRow } from './call-rows.js'

const PORTION = 500
const RESTORE = 'restore souk.db from a backup that has it right'
const CORRECT = 'the receipt is signed: correct the call by it, or restore souk.db from a backup'

type StoredCall = Pick<
  CallRow,
  | 'buyer_id'
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
  connection: SqliteConnection
  entries: ReturnType<typeof entryReader>
  receipts: ReturnType<typeof receiptReader>
}
type Findings = ReturnType<typeof collectFindings>
type Fault = { what: string; remedy: string }

export function checkCalls(deps: { connection: SqliteConnection; progress: Progress }): Checked {
  const { connection, progress } = deps
  const books = {
    connection,
    entries: entryReader(connection),
    receipts: receiptReader(connection),
  }
  const findings = collectFindings()
  const { calls, open } = checkEach(books, findings, progress)
  checkHolds(books, findings)
  checkReferences(books, findings, (read) => progress(calls + read))
  checkStrayReceipts(books, findings)
  const { first, count } = findings
  return { checked: `${calls} calls, ${open} of them open`, first, count }
}

function checkEach({ connection, entries, receipts }: Books, findings: Findings, tell: Progress) {
  const next = connection.prepare<[string, string], StoredCall>(
    `select buyer_id, id, seller_id, endpoint_id, version, outcome, hold, charge, fee, receipt_id
     from calls where (buyer_id, id) > (?, ?) order by buyer_id, id limit ${PORTION}`,
  )
  let [calls, open] = [0, 0]
  let last = { buyer_id: '', id: '' }
  const portion = connection.transaction(() => {
    const rows = next.all(last.buyer_id, last.id)
    for (const call of rows) {
      if (call.outcome === 'held') open++
      for (const { what, remedy } of [
        holdFault(call, entries.openHold(call.id)),
        receiptFault(call, receipts),
        postingFault(call, entries.postingsOf(call.id)),
      ].filter((fault) => fault !== undefined)) {
        findings.add(`${call.id} of ${call.buyer_id} ${what}`, remedy)
      }
    }
    return rows
  })
  for (let rows = portion(); rows.length > 0; rows = portion()) {
    last = rows.at(-1)!
    calls += rows.length
    tell(calls)
  }
  return { calls, open }
}

/** A call is open as long as its hold is. */
function holdFault(
  call: StoredCall,
  hold: { account: string; amount: bigint } | undefined,
): Fault | undefined {
  const isOpen = call.outcome === 'held'
  if (!isOpen) return hold && { what: 'is over, but its hold is still open', remedy: RESTORE }
  if (!hold) return { what: 'is open, but has no hold, so it can never end', remedy: RESTORE }
  if (hold.account === call.buyer_id && hold.amount === call.hold) return undefined
  return { what: 'is open with a hold of another buyer or amount', remedy: RESTORE }
}

/** Whatever was sent has a receipt that says the same; what was not sent has none. */
function receiptFault(call: StoredCall, receipts: Books['receipts']): Fault | undefined {
  const id = call.receipt_id
  const needsReceipt = call.outcome !== 'held' && call.outcome !== 'failed'
  if (!needsReceipt) {
    return id === null ? undefined : { what: `is ${call.outcome} with a receipt`, remedy: RESTORE }
  }
  const receipt = id === null ? undefined : receipts.find(id)
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
  const { buyer_id: buyer, outcome, hold, charge, fee } = call
  const [free, aside] = [available(buyer), held(buyer)]
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

function checkHolds(books: Books, findings: Findings): void {
  const outcomeOf = outcomeReader(books.connection)
  let last = ''
  const portion = books.connection.transaction(() => {
    const rows = books.entries.openHoldsAfter(last, PORTION)
    for (const { reference, account, amount } of rows) {
      if (outcomeOf(account, reference) !== undefined) continue
      findings.add(
        `the hold ${reference} of ${usdc(amount)} by ${account} has no call`,
        `no start gets past it: ${RESTORE}`,
      )
    }
    return rows
  })
  for (let rows = portion(); rows.length > 0; rows = portion()) last = rows.at(-1)!.reference
}

/** Money that moved for a call that is not there. */
function checkReferences(books: Books, findings: Findings, tell: Progress): void {
  const outcomeOf = outcomeReader(books.connection)
  let [last, read] = ['', 0]
  const portion = books.connection.transaction(() => {
    const rows = books.entries.heldReferencesAfter(last, PORTION)
    for (const { reference, account } of rows) {
      if (outcomeOf(account, reference) !== undefined) continue
      findings.add(`the ledger moved money of ${account} for ${reference}, no such call`, RESTORE)
    }
    return rows
  })
  for (let rows = portion(); rows.length > 0; rows = portion()) {
    last = rows.at(-1)!.reference
    read += rows.length
    tell(read)
  }
}

function outcomeReader(connection: SqliteConnection) {
  const read = connection
    .prepare<[string, string], string>('select outcome from calls where buyer_id = ? and id = ?')
    .pluck()
  return (buyer: string, id: string) => read.get(buyer, id)
}

/** Each call was compared with its one receipt, so a buyer with more receipts than that has stray ones. */
function checkStrayReceipts({ connection, receipts }: Books, findings: Findings): void {
  const called = connection.prepare<[], { buyer: string; count: bigint }>(
    'select buyer_id as buyer, count(receipt_id) as count from calls group by buyer_id',
  )
  const compare = connection.transaction(() => {
    const counts = new Map(called.all().map(({ buyer, count }) => [buyer, int(count)]))
    for (const [buyer, count] of receipts.counts()) {
      const stray = count - (counts.get(buyer) ?? 0)
      if (stray > 0) findings.add(`${buyer} has ${stray} receipts more than calls`, RESTORE)
    }
  })
  compare()
}

function usdc(amount: bigint): string {
  return formatUsdc(nanos(amount))
}

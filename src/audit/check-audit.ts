/** Reads the chain from its first entry to the head and finds where it was tampered with. */
import { type Checked, collectFindings, type Progress } from '#core/findings'
import { int, type Reader, settingOn } from '#store'
import { type AuditRow, BEGINNING, HEAD, hashOf, readHead } from './chain.js'

const PORTION = 500
const RESTORE = 'somebody wrote into the database: compare it with a backup'

type Link = { seq: number; hash: string }

/** @param key that the head is sealed with, see `createAudit`. */
export async function checkAudit(deps: {
  reader: Reader
  key: Buffer
  progress: Progress
}): Promise<Checked> {
  const { reader, key, progress } = deps
  const findings = collectFindings()
  let last: Link = { seq: 0, hash: BEGINNING }
  for (let read = 0, isMore = true; isMore; ) {
    // The head together with the last entries: a running gateway writes both at once.
    const { rows, sealed } = await reader.atOneMoment(async () => ({
      rows: await entriesAfter(reader, last.seq),
      sealed: await settingOn(reader, HEAD),
    }))
    for (const row of rows) {
      const fault = faultOf(row, last)
      if (fault) findings.add(`the entry ${row.seq} ${fault}`, RESTORE)
      last = { seq: int(row.seq), hash: row.hash }
    }
    read += rows.length
    progress(read)
    isMore = rows.length === PORTION
    const fault = isMore ? undefined : headFault(sealed && readHead(key, sealed), sealed, last)
    if (fault) findings.add(fault, RESTORE)
  }
  const waiting = await countWaiting(reader)
  const checked = `${last.seq} acts${waiting > 0 ? `, ${waiting} to be taken in` : ''}`
  return { checked, first: findings.first, count: findings.count }
}

async function countWaiting({ all }: Reader): Promise<number> {
  const [row] = await all<{ count: bigint }>('select count(*) as count from audit_waiting')
  return int(row!.count)
}

function entriesAfter({ all }: Reader, seq: number): Promise<AuditRow[]> {
  return all<AuditRow>(
    `select seq, at, act, account_id, key_id, person_id, target, facts, prev, hash
     from audit_entries where seq > ? order by seq limit ${PORTION}`,
    [seq],
  )
}

function faultOf(row: AuditRow, before: Link): string | undefined {
  if (int(row.seq) !== before.seq + 1) return `follows ${before.seq}: one is missing`
  if (row.prev !== before.hash) return 'does not follow from the one before it'
  return row.hash === hashOf(row) ? undefined : 'was altered'
}

function headFault(
  head: Link | '' | undefined,
  sealed: string | undefined,
  last: Link,
): string | undefined {
  if (sealed === undefined) return last.seq === 0 ? undefined : 'the head of the chain is missing'
  if (!head) return 'the head of the chain was not written by this gateway'
  if (last.seq < head.seq) return `the entries end before ${head.seq}, which is the last`
  if (last.seq > head.seq) return `there are entries behind ${head.seq}, which is the last`
  return last.hash === head.hash ? undefined : `the entry ${head.seq} is not the one that was last`
}

/** The books on SQLite: statements prepared once, run one by one. */
import { type Nanos, nanos } from '#core/money'
import { int, type SqliteConnection } from '#store'
import type { Books, HoldRow } from './books.js'
import { mayBeNegative } from './chart.js'
import type { OpenHold } from './ledger.js'

export type SqliteBooks = Books & {
  /** Writes the balances that were moved. A transaction ends with it. */
  writeBalances(): void
  /** Drops what is known of the accounts, after a commit or what was undone. */
  forget(): void
}

/** Each account's balance is read once and written once a transaction, however many units move it. */
type Account = {
  id: bigint
  balance: bigint
  /** What the database says. */
  stored: bigint
  mayBeNegative: boolean
}

export function sqliteBooks(connection: SqliteConnection): SqliteBooks {
  const sql = prepareStatements(connection)
  const accounts = new Map<string, Account>()

  return {
    // A hold of nothing opens no account.
    balance: (address) => accounts.get(address)?.balance ?? storedBalance(sql, address),
    move(address, delta) {
      const account = accountAt(address)
      if (account.balance + delta < 0n && !account.mayBeNegative) return false
      account.balance += delta
      return true
    },
    post({ reference, kind, position, from, to, amount, atMs, memo }) {
      const [fromId, toId] = [accountAt(from).id, accountAt(to).id]
      const posted = sql.post.run(reference, kind, position, fromId, toId, amount, atMs, memo)
      return posted.changes > 0
    },
    openHold: ({ reference, account, amount, counters }, { deadlineMs }) =>
      sql.openHold.run(reference, account, amount, deadlineMs, counters).changes > 0,
    closeHold: (reference) => sql.closeHold.get(reference) as HoldRow | undefined,
    endingOf: (reference) =>
      (sql.ending.get(reference) as { kind: 'capture' | 'release' } | undefined)?.kind,
    count: ({ scope, window, amount, endsAtMs, ceiling }) =>
      sql.count.run(scope, window, amount, endsAtMs, ceiling).changes > 0,
    used: (scope, window) => storedUse(sql, scope, window),
    uncount: (scope, window, back) => void sql.uncount.run(back, scope, window),
    writeBalances() {
      for (const account of accounts.values()) {
        if (account.balance === account.stored) continue
        sql.setBalance.run(account.balance, account.id)
        account.stored = account.balance
      }
    },
    forget: () => accounts.clear(),
  }

  function accountAt(address: string): Account {
    const known = accounts.get(address)
    if (known) return known
    const canFall = mayBeNegative(address)
    const { id, balance } = (sql.account.get(address) ??
      sql.insertAccount.get(address, canFall ? 1 : 0)) as { id: bigint; balance: bigint }
    const account = { id, balance, stored: balance, mayBeNegative: canFall }
    accounts.set(address, account)
    return account
  }
}

/** What is committed, read outside of any batch. */
export function readBooks(connection: SqliteConnection) {
  const sql = prepareStatements(connection)
  return {
    balanceAt: (address: string): Nanos => nanos(storedBalance(sql, address)),
    usedOf: (scope: string, window: string): bigint => storedUse(sql, scope, window),
    openHolds(deadlineBeforeMs: number, limit: number): OpenHold[] {
      const rows = sql.openHolds.all(deadlineBeforeMs, limit) as {
        reference: string
        account: string
        deadline: bigint
      }[]
      return rows.map(({ deadline, ...hold }) => ({ ...hold, deadlineMs: int(deadline) }))
    },
    openHoldCount: (): number => int((sql.countHolds.get() as { n: bigint }).n),
  }
}

type Statements = ReturnType<typeof prepareStatements>

function storedBalance(sql: Statements, address: string): bigint {
  return (sql.balance.get(address) as { balance: bigint } | undefined)?.balance ?? 0n
}

function storedUse(sql: Statements, scope: string, window: string): bigint {
  return (sql.counter.get(scope, window) as { used: bigint } | undefined)?.used ?? 0n
}

function prepareStatements(connection: SqliteConnection) {
  const prepare = (text: string) => connection.prepare(text).safeIntegers(true)
  return {
    account: prepare('select id, balance from ledger_accounts where address = ?'),
    insertAccount: prepare(
      `insert into ledger_accounts (address, may_be_negative) values (?, ?) returning id, balance`,
    ),
    balance: prepare('select balance from ledger_accounts where address = ?'),
    setBalance: prepare('update ledger_accounts set balance = ? where id = ?'),
    post: prepare(
      `insert into ledger_postings (reference, kind, position, from_id, to_id, amount, at, memo)
       values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (reference, kind, position) do nothing`,
    ),
    openHold: prepare(
      `insert into ledger_holds (reference, account, amount, deadline, counters)
       values (?, ?, ?, ?, ?) on conflict (reference) do nothing`,
    ),
    closeHold: prepare(
      `delete from ledger_holds where reference = ?
       returning reference, account, amount, counters`,
    ),
    ending: prepare(
      `select kind from ledger_postings
       where reference = ? and kind in ('capture', 'release') limit 1`,
    ),
    openHolds: prepare(
      `select reference, account, deadline from ledger_holds
       where deadline < ? order by deadline limit ?`,
    ),
    countHolds: prepare('select count(*) as n from ledger_holds'),
    counter: prepare('select used from ledger_counters where scope = ? and "window" = ?'),
    count: prepare(
      `insert into ledger_counters (scope, "window", used, ends_at) values (?, ?, ?, ?)
       on conflict (scope, "window") do update set used = used + excluded.used
       where used + excluded.used <= ?`,
    ),
    uncount: prepare(
      'update ledger_counters set used = max(used - ?, 0) where scope = ? and "window" = ?',
    ),
  }
}

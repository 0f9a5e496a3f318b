import { threadWriter } from '#ledger'
import { aSqliteLedger } from '../support/a-store.js'
import { ledgerContract } from './ledger.contract.js'
import { findsTampering } from './ledger-books.contract.js'

ledgerContract('SQLite', aSqliteLedger)
ledgerContract('SQLite, written in a thread of its own', () =>
  aSqliteLedger(({ file }) => threadWriter(file)),
)
findsTampering('SQLite', aSqliteLedger)

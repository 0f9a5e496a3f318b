import { aSqliteLedger, aThreadedLedger } from '../support/a-store.js'
import { ledgerContract } from './ledger.contract.js'
import { findsTampering } from './ledger-books.contract.js'

ledgerContract('SQLite', aSqliteLedger)
ledgerContract('SQLite, written in a thread of its own', aThreadedLedger)
findsTampering('SQLite', aSqliteLedger)

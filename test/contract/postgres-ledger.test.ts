import { aPostgresLedger } from '../support/a-store.js'
import { ledgerContract } from './ledger.contract.js'

ledgerContract('PostgreSQL', () => aPostgresLedger())

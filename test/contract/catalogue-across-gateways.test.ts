import { twoOnPostgres, twoOnSqlite } from '../support/two-stores.js'
import { catalogueAcrossGateways } from './catalogue-across-gateways.contract.js'

catalogueAcrossGateways('one SQLite file', twoOnSqlite)
catalogueAcrossGateways('PostgreSQL', twoOnPostgres)

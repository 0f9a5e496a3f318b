import { twoOnPostgres, twoOnSqlite } from '../support/two-stores.js'
import { toolsAcrossGateways } from './tools-across-gateways.contract.js'

toolsAcrossGateways('one SQLite file', twoOnSqlite)
toolsAcrossGateways('PostgreSQL', twoOnPostgres)

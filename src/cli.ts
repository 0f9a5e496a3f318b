#!/usr/bin/env node
/** The command line: `souk start | demo | import | verify | keys | doctor | backup | restored`. */
import { backupCommand } from './backup-command.js'
import { ConfigFault, readConfig } from './config.js'
import { playDemo } from './demo.js'
import { doctorCommand } from './doctor-command.js'
import { importCommand } from './import-command.js'
import { rotateReceiptKey } from './keys-command.js'
import { runUntilSignal, start } from './main.js'
import { restoredCommand } from './restored-command.js'
import { verifyCommand } from './verify-command.js'
import { welcome } from './welcome.js'

const USAGE = `souk start    serve agents, buyers and sellers
souk demo     play an agent against the running gateway, or start one
souk import <file|folder|url>
              make listings of OpenAPI documents, or bring them up to date, in the running
              gateway or in one started for it; --help says more
souk verify <receipt> [--jwks URL|FILE] [--request FILE] [--response FILE]
              check a receipt offline; exits 0 when it is valid, 1 when it is not
souk keys rotate
              sign receipts with a new key from the next start on
souk doctor   audit ledger, receipts, calls, catalogue and the record of what was administered,
              beside a running gateway too; exits 0 when all is well, 1 when something is wrong
souk backup <file>
              copy the SQLite database to a new file, while the gateway runs
souk restored
              once on a database that was restored, before the first start on it: begin new
              chains of receipts`

const LEAVE_MS = 1_000

const say = (line: string) => console.log(line)

const commands: Record<string, (args: string[]) => Promise<number>> = {
  async start() {
    const started = await start(readConfig(), { say })
    say(welcome(started))
    await runUntilSignal(started)
    // What could not be closed in time must not keep the process.
    setTimeout(() => process.exit(0), LEAVE_MS).unref()
    return 0
  },
  demo: () => playDemo(readConfig(), say),
  import: (args) => importCommand(readConfig(), args, say),
  verify: (args) => verifyCommand(args, say),
  keys: (args) => rotateReceiptKey(readConfig(), args, say),
  backup: (args) => backupCommand(readConfig(), args, say),
  doctor: (args) => doctorCommand(readConfig(), args, say),
  restored: (args) => restoredCommand(readConfig(), args, say),
}

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (!command) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await command(args)
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error
    for (const fault of error.faults) console.error(fault)
    process.exitCode = 2
  }
}

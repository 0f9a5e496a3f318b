/** `souk keys rotate`: a new key for receipts. Old receipts stay verifiable. */
import { rotateKey } from '#receipts'
import { compose } from './compose.js'
import type { Config } from './config.js'

/** @returns the exit code. */
export async function rotateReceiptKey(
  config: Config,
  args: string[],
  say: (line: string) => void,
): Promise<number> {
  if (args.length !== 1 || args[0] !== 'rotate') {
    say('usage: souk keys rotate')
    return 2
  }
  const gateway = await compose({ ...config, port: 0, logLevel: 'silent' })
  const kid = await rotateKey({ ...gateway.deps, db: gateway.deps.store.db })
  await gateway.close()
  say(`Receipts are signed with ${kid} from the next start on; older ones stay verifiable.`)
  return 0
}

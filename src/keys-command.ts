/**
 * `souk keys rotate`: a new key for receipts, made beside running gateways or without one. They show
 * it at once and sign with it when they are started again. Old receipts stay verifiable.
 */
import { rotateKey } from '#receipts'
import { compose } from './compose.js'
import type { Config } from './config.js'
import { requireKnown } from './known-database.js'

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
  await requireKnown(config)
  const gateway = await compose({ ...config, port: 0, logLevel: 'silent' })
  try {
    const kid = await rotateKey({ ...gateway.deps, db: gateway.deps.store.db })
    say(`A gateway signs with ${kid} from its next start on; older receipts stay verifiable.`)
    return 0
  } finally {
    await gateway.close()
  }
}

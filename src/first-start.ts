/**
 * What a gateway has before anybody calls it: the operator, the shipped catalogue and, in the
 * sandbox, a seller that really sells and a buyer with credit.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '#accounts'
import { newSecret } from '#accounts'
import { openSandbox, type Sandbox } from '../seeds/sandbox.js'
import type { Gateway } from './compose.js'
import { writeSecret } from './secret-file.js'

export type OpenedDoors = {
  /** Shown on the first start only. */
  operatorKey: string | undefined
  sandbox: Sandbox | undefined
  close(): Promise<void>
}

export async function openDoors(
  gateway: Gateway,
  say: (line: string) => void,
): Promise<OpenedDoors> {
  const { operator, operatorKey } = await ensureOperator(gateway)
  const showProgress = progress(say)
  await gateway.deps.catalogue.loadShipped(operator.id, showProgress)
  const sandbox = gateway.config.sandbox ? await openSandbox(gateway) : undefined
  await gateway.deps.catalogue.reindex()
  return { operatorKey, sandbox, close: async () => sandbox?.close() }
}

async function ensureOperator({ config, deps }: Gateway) {
  const file = join(config.dataDir, 'operator.key')
  let operator = await deps.accounts.bySlug('operator')
  let operatorKey: string | undefined
  if (!operator) {
    const created = await deps.accounts.create({ name: 'Souk', slug: 'operator', kind: 'operator' })
    operator = created.account
    if (config.operatorKey === undefined) operatorKey = created.secret
  }
  if (config.operatorKey !== undefined) {
    await deps.accounts.fixSecret(operator.id, config.operatorKey)
    // The key in the file is dead now, and its absence later asks for a new one.
    rmSync(file, { force: true })
  } else if (operatorKey === undefined && !existsSync(file)) {
    // The key was configured once and no longer is: without a new one nobody could operate.
    operatorKey = newSecret(config.sandbox ? 'test' : 'live')
    await deps.accounts.fixSecret(operator.id, operatorKey)
  }
  if (operatorKey !== undefined) writeSecret(file, operatorKey)
  return { operator: operator satisfies Account, operatorKey }
}

/** Speaks only while something takes longer than a second. */
function progress(say: (line: string) => void): (done: number, all: number) => void {
  let saidAt = performance.now()
  return (done, all) => {
    if (performance.now() - saidAt < 1_000) return
    saidAt = performance.now()
    say(`Loading the catalogue: ${done} of ${all} providers`)
  }
}

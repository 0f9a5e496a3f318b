import { z } from 'zod'
import { balanceOf } from '#calls'
import { requireKey } from './require-key.js'
import { defineTool, LOOKING } from './tool.js'

export const checkBalance = defineTool({
  name: 'check_balance',
  title: 'Check the balance',
  description: 'Spendable and held USDC, and the spending limits of this key.',
  input: z.strictObject({}),
  output: { currency: {}, available: { type: 'string' }, held: {}, limits: {}, top_up_url: {} },
  annotations: LOOKING,
  async run(deps, caller) {
    const principal = requireKey(caller)
    return { ...(await balanceOf(deps, principal)), top_up_url: deps.topUpUrl }
  },
})

/** Accounts, their money, and what the operator sees of all of it. */
import { z } from 'zod'
import { limitsSchema, showAccount, showKey } from '#accounts'
import { balanceOf, balanceSchema } from '#calls'
import { toRfc3339 } from '#core/clock'
import { parseUsdc } from '#core/money'
import { plainLine } from '#core/plain-text'
import { storedText } from '#core/stored-text'
import { earnings, grant } from '#payments'
import { route } from '../route.js'

const accountSchema = z.strictObject({
  // Sellers' names are read by buyers, like all texts of sellers.
  name: storedText({ min: 1, max: 120 }).overwrite(plainLine).min(1),
  slug: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens')
    .max(48)
    .optional()
    .describe('made from the name when absent; unique, and stays'),
  limits: limitsSchema.optional().describe('USDC, fee included, for all its keys together'),
})

const accountChangeSchema = z.strictObject({
  limits: limitsSchema.describe('in place of all that it had'),
})

const accountResult = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  kind: z.string(),
  limits: limitsSchema,
})

const grantSchema = z.strictObject({
  amount: z.string().max(24).describe('USDC'),
  reason: storedText({ min: 1, max: 500 }),
})

export const accountRoutes = [
  route({
    method: 'post',
    path: '/v1/accounts',
    tag: 'accounts',
    summary: 'Opens an account. Its first key has all scopes and is shown only here.',
    who: 'operator',
    body: accountSchema,
    status: 201,
    result: accountResult.extend({ api_key: z.string() }),
    async run({ accounts }, { body }) {
      const { account, secret } = await accounts.create(body)
      return { ...showAccount(account), api_key: secret }
    },
  }),
  route({
    method: 'patch',
    path: '/v1/accounts/{id}',
    tag: 'accounts',
    summary: 'Sets what all keys of an account together may spend.',
    who: 'operator',
    body: accountChangeSchema,
    result: accountResult,
    run: async ({ accounts }, { params, body }) =>
      showAccount(await accounts.setLimits(params.id!, body.limits)),
  }),
  route({
    method: 'post',
    path: '/v1/accounts/{id}/grants',
    tag: 'accounts',
    summary: 'Adds sandbox credit to an account.',
    who: 'operator',
    body: grantSchema,
    status: 201,
    result: z.object({
      id: z.string(),
      account_id: z.string(),
      amount: z.string(),
      balance: z.string(),
    }),
    async run(deps, { params, body }) {
      const account = await deps.accounts.get(params.id!)
      return grant(deps, account, { amount: parseUsdc(body.amount), reason: body.reason })
    },
  }),
  route({
    method: 'get',
    path: '/v1/me',
    tag: 'accounts',
    summary: 'The account and the key that ask.',
    who: 'key',
    result: accountResult.extend({ key: z.looseObject({}) }),
    run: async (_deps, { principal }) => ({
      ...showAccount(principal!.account),
      key: showKey(principal!.key),
    }),
  }),
  route({
    method: 'get',
    path: '/v1/balance',
    tag: 'accounts',
    summary: 'Spendable and held money, and the limits of key and account.',
    who: 'key',
    result: balanceSchema,
    run: async (deps, { principal }) => ({
      ...(await balanceOf(deps, principal!)),
      top_up_url: deps.topUpUrl,
    }),
  }),
  route({
    method: 'get',
    path: '/v1/earnings',
    tag: 'accounts',
    summary: 'What the account earned by selling.',
    who: 'key',
    scopes: ['sell', 'read'],
    result: z.object({
      currency: z.literal('USDC'),
      available: z.string(),
      pending: z.string(),
      paid_out: z.string(),
    }),
    run: (deps, { principal }) => earnings(deps, principal!.account.id),
  }),
  route({
    method: 'get',
    path: '/v1/operator/ledger',
    tag: 'operator',
    summary: 'All balances, recomputed from the postings.',
    who: 'operator',
    result: z.object({
      balanced: z.boolean(),
      accounts: z.array(z.object({ name: z.string(), balance: z.string() })),
      open_holds: z.int(),
      checked_at: z.string(),
      findings: z.array(z.looseObject({})),
    }),
    async run({ ledger }) {
      const audit = await ledger.audit()
      return {
        balanced: audit.balanced,
        accounts: audit.accounts,
        open_holds: audit.openHolds,
        checked_at: toRfc3339(audit.checkedAtMs),
        findings: audit.findings,
      }
    },
  }),
]

/** Accounts, their money, and what the operator sees of all of it. */
import { z } from 'zod'
import { allowSchema, limitsSchema, payerOf, showAccount, showKey } from '#accounts'
import { balanceOf, balanceSchema } from '#calls'
import { toRfc3339 } from '#core/clock'
import { formatUsdc, parseUsdc } from '#core/money'
import { storedText } from '#core/stored-text'
import { earnings, grant, transferEarnings } from '#payments'
import { accountResult, namedSchema } from '../account-schema.js'
import { audited, auditedMove } from '../audited.js'
import { idempotencyKeyOf, repeatable } from '../idempotency-key.js'
import { route } from '../route.js'

const newAccountSchema = z.strictObject({
  ...namedSchema.shape,
  limits: limitsSchema.optional().describe('USDC, fee included, for all its keys together'),
  allow: allowSchema.optional().describe('all that its keys may use; everything when absent'),
})

const accountChangeSchema = z
  .strictObject({
    limits: limitsSchema.optional().describe('in place of all that it had'),
    allow: allowSchema.optional().describe('in place of what it had; {} allows everything'),
  })
  .refine(({ limits, allow }) => limits || allow, 'must have limits, allow or both')

const grantSchema = z.strictObject({
  amount: z.string().max(24).describe('USDC'),
  reason: storedText({ min: 1, max: 500 }),
})

/** Money that was moved from one account's pocket to another. */
export const transferResult = z.object({
  id: z.string(),
  amount: z.string(),
  balance: z.string().describe('what whoever was paid can spend now'),
})

export const accountRoutes = [
  route({
    method: 'post',
    path: '/v1/accounts',
    tag: 'accounts',
    summary: 'Opens an account. Its first key has all scopes and is shown only here.',
    who: 'operator',
    body: newAccountSchema,
    status: 201,
    result: accountResult.extend({ api_key: z.string() }),
    async run(deps, { principal, body }) {
      const along = audited(deps, principal, 'account.create', { name: body.name })
      const { account, secret } = await deps.accounts.create(body, along)
      return { ...showAccount(account), api_key: secret }
    },
  }),
  route({
    method: 'patch',
    path: '/v1/accounts/{id}',
    tag: 'accounts',
    summary: 'Sets what all keys of an account together may spend, and what they may use.',
    who: 'operator',
    body: accountChangeSchema,
    result: accountResult,
    async run(deps, { principal, params, body }) {
      const act = body.allow ? 'allow.set' : 'limits.set'
      const along = audited(deps, principal, act, body)
      return showAccount(await deps.accounts.change(params.id!, body, along))
    },
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
    async run(deps, { principal, params, body }) {
      const account = await deps.accounts.get(params.id!)
      const amount = parseUsdc(body.amount)
      const facts = { account_id: payerOf({ account }), ...body }
      return auditedMove(deps, { principal, act: 'grant.create', facts }, (beside) =>
        grant(deps, account, { amount, reason: body.reason, beside }),
      )
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
      held: z.literal(true).optional().describe('while the account is suspended'),
      held_reason: z.string().optional(),
    }),
    run: (deps, { principal }) => earnings(deps, principal!),
  }),
  route({
    method: 'post',
    path: '/v1/earnings/transfer',
    tag: 'accounts',
    summary: 'Makes what the account earned spendable.',
    who: 'key',
    scopes: ['manage'],
    headers: { 'Idempotency-Key': 'may stand for idempotency_key' },
    body: z.strictObject({ amount: z.string().max(24).describe('USDC'), ...repeatable }),
    status: 201,
    result: transferResult,
    async run(deps, { principal, body, headers }) {
      const amount = parseUsdc(body.amount)
      const idempotencyKey = idempotencyKeyOf(body, headers)
      const facts = { amount: formatUsdc(amount) }
      return auditedMove(deps, { principal, act: 'earnings.transfer', facts }, (beside) =>
        transferEarnings(deps, principal!, { amount, idempotencyKey, beside }),
      )
    },
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

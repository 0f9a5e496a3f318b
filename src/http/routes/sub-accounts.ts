/** Accounts below the one that asks. */
import { z } from 'zod'
import { allowSchema, limitsSchema, SCOPES, showAccount, showKey } from '#accounts'
import { formatUsdc, parseUsdc } from '#core/money'
import { transferToSubAccount } from '#payments'
import { accountName, accountResult, namedSchema } from '../account-schema.js'
import { audited, auditedMove } from '../audited.js'
import { idempotencyKeyOf, repeatable } from '../idempotency-key.js'
import { keySchema, newKeyOf, newKeyResult, newKeySchema } from '../key-schema.js'
import { Reply, route } from '../route.js'
import { transferResult } from './accounts.js'

const newSchema = z.strictObject({
  ...namedSchema.shape,
  balance: z.enum(['parent', 'own']).optional().describe('whose money it spends; default parent'),
  limits: limitsSchema.optional().describe('USDC, fee included, for all its keys together'),
  allow: allowSchema.optional().describe('all that its keys may use, of what this account may'),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .max(SCOPES.length)
    .optional()
    .describe('of its first key; those of the key that asks when absent'),
})

const changeSchema = z.strictObject({
  name: accountName.optional(),
  limits: limitsSchema.optional().describe('in place of all that it had'),
  allow: allowSchema.optional().describe('in place of what it had; {} allows everything'),
})

const transferSchema = z.strictObject({
  amount: z.string().max(24).describe('USDC'),
  direction: z.enum(['to_sub_account', 'to_parent']).default('to_sub_account'),
  source: z
    .enum(['spending', 'earnings'])
    .default('spending')
    .describe('earnings: what the sub-account earned, also when it is closed; to_parent only'),
  ...repeatable,
})

const subAccountResult = accountResult.extend({
  earned: z.string().describe('by selling, and not moved yet; also of one that is closed'),
  available: z.string().optional().describe('of a balance of its own'),
  held: z.string().optional(),
})

const PATH = '/v1/sub-accounts'
const MANAGE = { tag: 'sub-accounts', who: 'key', scopes: ['manage'] } as const
const READ = { tag: 'sub-accounts', who: 'key', scopes: ['manage', 'read'] } as const

export const subAccountRoutes = [
  route({
    ...MANAGE,
    method: 'post',
    path: PATH,
    summary: 'Opens an account below this one. Its first key is shown only here.',
    body: newSchema,
    status: 201,
    result: accountResult.extend({ api_key: z.string() }),
    async run(deps, { principal, body }) {
      const along = audited(deps, principal, 'sub_account.create', body)
      const { account, secret } = await deps.accounts.subAccounts.create(principal!, body, along)
      return { ...showAccount(account), api_key: secret }
    },
  }),
  route({
    ...READ,
    method: 'get',
    path: PATH,
    summary: 'The accounts below this one, closed ones among them.',
    result: z.object({ sub_accounts: z.array(accountResult) }),
    run: async ({ accounts }, { principal }) => ({
      sub_accounts: (await accounts.subAccounts.list(principal!)).map(showAccount),
    }),
  }),
  route({
    ...READ,
    method: 'get',
    path: `${PATH}/{id}`,
    summary:
      'An account below this one, with what it earned and, where its balance is its own, what it has.',
    result: subAccountResult,
    async run({ accounts, ledger }, { principal, params }) {
      const account = await accounts.subAccounts.get(principal!, params.id!)
      const { earned } = await ledger.earningsOf(account.id)
      const shown = { ...showAccount(account), earned: formatUsdc(earned) }
      if (account.balance === 'parent') return shown
      const { available, held } = await ledger.balanceOf(account.id)
      return { ...shown, available: formatUsdc(available), held: formatUsdc(held) }
    },
  }),
  route({
    ...MANAGE,
    method: 'patch',
    path: `${PATH}/{id}`,
    summary: 'Sets name, limits or list of an account below this one.',
    body: changeSchema,
    result: accountResult,
    async run(deps, { principal, params, body }) {
      const { accounts, catalogue } = deps
      const changed = await accounts.subAccounts.change(
        principal!,
        params.id!,
        body,
        async (tx, id) => {
          // Results of a search name who sells.
          if (body.name !== undefined) await catalogue.sellerChanged(tx, id)
          await audited(deps, principal, 'sub_account.change', body)(tx, id)
        },
      )
      if (body.name !== undefined) await catalogue.follow()
      return showAccount(changed)
    },
  }),
  route({
    ...MANAGE,
    method: 'delete',
    path: `${PATH}/{id}`,
    summary:
      'Closes an account below this one for good: its keys end, what it sells goes off sale.',
    status: 204,
    async run(deps, { principal, params }) {
      const { accounts, catalogue } = deps
      await accounts.subAccounts.close(principal!, params.id!, async (tx, id) => {
        await catalogue.sellerChanged(tx, id)
        await audited(deps, principal, 'sub_account.close')(tx, id)
      })
      await catalogue.follow()
      return new Reply(204, '')
    },
  }),
  route({
    ...READ,
    method: 'get',
    path: `${PATH}/{id}/keys`,
    summary: 'The keys of an account below this one, without their secrets.',
    result: z.object({ keys: z.array(keySchema) }),
    run: async ({ accounts }, { principal, params }) => ({
      keys: (await accounts.subAccounts.listKeys(principal!, params.id!)).map(showKey),
    }),
  }),
  route({
    ...MANAGE,
    method: 'post',
    path: `${PATH}/{id}/keys`,
    summary: 'Makes a key of an account below this one, within what the key that asks may do.',
    body: newKeySchema,
    status: 201,
    result: newKeyResult,
    async run(deps, { principal, params, body }) {
      const along = audited(deps, principal, 'key.create', { account_id: params.id, ...body })
      const terms = newKeyOf(body, deps.clock.now())
      const { subAccounts } = deps.accounts
      const { key, secret } = await subAccounts.createKey(principal!, params.id!, terms, along)
      return { ...showKey(key), api_key: secret }
    },
  }),
  route({
    ...MANAGE,
    method: 'post',
    path: `${PATH}/{id}/transfers`,
    summary:
      'Moves money between this account and one below it that has a balance of its own, or takes over what one earned.',
    headers: { 'Idempotency-Key': 'may stand for idempotency_key' },
    body: transferSchema,
    status: 201,
    result: transferResult,
    async run(deps, { principal, params, body, headers }) {
      const sub = await deps.accounts.subAccounts.get(principal!, params.id!)
      const { direction, source } = body
      const amount = parseUsdc(body.amount)
      const terms = { amount, direction, source, idempotencyKey: idempotencyKeyOf(body, headers) }
      const facts = { sub_account_id: sub.id, amount: formatUsdc(amount), direction, source }
      return auditedMove(deps, { principal, act: 'transfer.create', facts }, (beside) =>
        transferToSubAccount(deps, principal!, sub, { ...terms, beside }),
      )
    },
  }),
]

/** People open an account by themselves, come in by password or wallet, and look after it. */
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseUsdc } from '#core/money'
import { aBrowser, type Browser, type Shown } from '../support/a-browser.js'
import { PASSWORD, signIn } from '../support/an-oauth-client.js'
import { aWorld, type Json, type World } from '../support/world.js'

const WALLET = privateKeyToAccount(`0x${'33'.repeat(32)}`)

let world: World

beforeAll(async () => {
  world = await aWorld({ SOUK_SIGNUP: 'open' })
})

afterAll(() => world.close())

async function signUp(email: string, changes: Record<string, string> = {}) {
  const browser = aBrowser(world.url)
  const form = await browser.open('/sign-up')
  const fields = { name: 'Acme & Söhne', email, password: PASSWORD, ...changes }
  return { browser, page: await browser.send(form, fields) }
}

describe('signing up', () => {
  test('opens an account, shows its first key once, and signs in', async () => {
    const { browser, page } = await signUp('one@example.com')
    expect(page.status).toBe(201)
    const key = /souk_test_\w+/.exec(page.text)![0]
    const { json } = await world.rest('GET', '/v1/me', key)
    expect(json.name).toBe('Acme & Söhne')
    const home = await browser.open('/account')
    expect(home.text).toContain('Acme &amp; Söhne')
    expect(home.text).toContain('one@example.com')
    expect(home.text).not.toContain(key)
  })

  test('with an address that somebody has makes no account', async () => {
    await signUp('two@example.com')
    const count = async () =>
      Number((await world.started.gateway.deps.store.db('accounts').count('* as n'))[0]!.n)
    const before = await count()
    const { page } = await signUp('Two@Example.com')
    expect(page.status).toBe(400)
    expect(await count()).toBe(before)
  })

  const bad: [string, Record<string, string>][] = [
    ['a short password', { password: 'short' }],
    ['no name', { name: ' ' }],
    ['no address', { email: 'nobody' }],
  ]
  test.each(bad)('with %s is refused on the page', async (_what, changes) => {
    const { page } = await signUp('three@example.com', changes)
    expect([page.status, page.text.includes('role="alert"')]).toEqual([400, true])
  })
})

describe('a password', () => {
  test('is changed by who knows it', async () => {
    const { browser } = await signUp('four@example.com')
    const change = async (current: string) =>
      browser.send(
        await browser.open('/account'),
        { current, password: 'a new long password' },
        '/account/password',
      )
    expect((await change('not the password')).status).toBe(401)
    expect((await change(PASSWORD)).status).toBe(200)
    const other = aBrowser(world.url)
    const old = await signIn(other, await other.open('/sign-in'), 'four@example.com')
    expect(old.status).toBe(401)
  })
})

describe('a wallet', () => {
  /** What the script of the page does. */
  async function signWith(browser: Browser, page: Shown, action: string): Promise<Shown> {
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!
    const asked = new URLSearchParams({ csrf, address: WALLET.address, chain: '1' })
    const { text: message } = await browser.post('/sign-in/wallet/challenge', asked)
    expect(message).toContain(`URI: ${world.url}`)
    const signature = await WALLET.signMessage({ message })
    // As browsers send lines.
    const sent = message.replaceAll('\n', '\r\n')
    return browser.send(page, { message: sent, signature }, action)
  }

  test('is linked, and lets in from then on, until it is unlinked', async () => {
    const stranger = aBrowser(world.url)
    const early = await signWith(stranger, await stranger.open('/sign-in'), '/sign-in/wallet')
    expect(early.status).toBe(401)

    const { browser } = await signUp('five@example.com')
    const linked = await signWith(browser, await browser.open('/account'), '/account/wallet')
    expect(linked.text).toContain(WALLET.address.toLowerCase())

    const later = await signWith(stranger, await stranger.open('/sign-in'), '/sign-in/wallet')
    expect([later.url.pathname, later.text.includes('five@example.com')]).toEqual([
      '/account',
      true,
    ])

    const unlinked = await browser.send(linked, {}, '/account/wallet/unlink')
    expect(unlinked.text).not.toContain(WALLET.address.toLowerCase())
    expect((await stranger.open('/account')).url.pathname).toBe('/sign-in')
    const late = await signWith(stranger, await stranger.open('/sign-in'), '/sign-in/wallet')
    expect(late.status).toBe(401)
  })
})

describe('a call that waits', () => {
  async function anApproval(email: string) {
    const { browser } = await signUp(email)
    const { approvals, people, store, accounts } = world.started.gateway.deps
    const row = await store.db('people').where({ email }).first()
    const person = (await people.get(row.id))!
    const [key] = await accounts.listKeys(person.accountId)
    const { id } = await approvals.ask({
      accountId: person.accountId,
      keyId: key!.id,
      quoteId: `quote_${row.id.slice(5)}`,
      endpointId: 'wiki.search',
      title: 'Search <i>everything</i>',
      requestHash: 'a'.repeat(64),
      arguments: { q: '</pre><script>alert(1)</script>' },
      maxTotal: parseUsdc('0.5'),
      reason: 'limit',
    })
    return { browser, id }
  }

  test('is shown as it is, and decided about once', async () => {
    const { browser, id } = await anApproval('six@example.com')
    expect((await browser.open('/account')).text).toContain(`/approvals/${id}`)
    const page = await browser.open(`/approvals/${id}`)
    expect(page.text).toContain('0.5 USDC')
    expect(page.text).toContain('first key')
    expect(page.text).not.toMatch(/<script>|<i>/)
    const after = await browser.send(page, { decision: 'approve' })
    expect(after.text).toContain('You approved it')
    expect(after.text).not.toContain('value="decline"')
    const again = await browser.send(page, { decision: 'approve' })
    expect(again.status).toBe(200)
    const changed = await browser.send(page, { decision: 'decline' })
    expect(changed.status).toBe(403)
    const { audit } = world.started.gateway.deps
    const decided = (await audit.list({ after: 0, limit: 200 })).filter(
      ({ target }) => target === id,
    )
    expect(decided).toMatchObject([{ act: 'approval.decide', facts: { verdict: 'approve' } }])
  })

  test('is declined by whatever is not a yes', async () => {
    const { browser, id } = await anApproval('seven@example.com')
    const after = await browser.send(await browser.open(`/approvals/${id}`), { decision: 'maybe' })
    expect(after.text).toContain('You declined it')
  })

  test('is nobody else’s, and asks strangers to sign in', async () => {
    const { id } = await anApproval('eight@example.com')
    const { browser } = await signUp('nine@example.com')
    const [theirs, none] = [
      await browser.open(`/approvals/${id}`),
      await browser.open('/approvals/x'),
    ]
    expect([theirs.status, theirs.text]).toEqual([404, none.text])
    const stranger = aBrowser(world.url)
    const asked = await stranger.open(`/approvals/${id}`)
    expect(asked.url.pathname + asked.url.search).toBe(`/sign-in?next=%2Fapprovals%2F${id}`)
  })
})

test('what people do on the pages is in the audit, without what they typed', async () => {
  const acts = async () => {
    const query = `/v1/operator/audit?after=${before}&limit=200`
    const { json } = await world.rest('GET', query, world.operatorKey)
    return json.entries as { act: string; by: Json; target: string; facts: Json }[]
  }
  let before = 0
  before = (await acts()).length
  const { browser } = await signUp('ten@example.com')
  const { store } = world.started.gateway.deps
  const { id, account_id } = await store.db('people').where({ email: 'ten@example.com' }).first()
  const password = 'another long password'
  await browser.send(
    await browser.open('/account'),
    { current: PASSWORD, password },
    '/account/password',
  )
  const entries = await acts()
  expect(entries.map(({ act, target }) => [act, target])).toEqual([
    ['account.sign_up', account_id],
    ['person.change', id],
  ])
  for (const { by } of entries) expect(by).toMatchObject({ account_id, person_id: id })
  expect(JSON.stringify(entries)).not.toMatch(/password(?!")|ten@example/)
})

test('a page that is not there, or a method that it does not know, is refused', async () => {
  const statuses = await Promise.all(
    [
      ['DELETE', '/sign-in'],
      ['GET', '/sign-out'],
      ['GET', '/oauth/consent/nothing'],
      ['POST', '/sign-in'],
    ].map(async ([method, path]) => (await fetch(world.url + path, { method: method! })).status),
  )
  expect(statuses).toEqual([405, 405, 404, 415])
})

test('the assets are served as what they are', async () => {
  for (const [path, type] of [
    ['/assets/souk.css', 'text/css'],
    ['/assets/wallet.js', 'text/javascript'],
  ] as const) {
    const answer = await fetch(world.url + path)
    expect(answer.headers.get('content-type')).toContain(type)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  }
})

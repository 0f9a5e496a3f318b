import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createAccounts, INVITE_CODE, type SignUpMode } from './accounts.js'
import { createPace } from './pace.js'

let opened: OpenedStore
const clock = handClock()
beforeAll(async () => {
  opened = await aStore()
})
afterAll(() => opened.close())

const ADA = { name: 'Ada', address: '192.0.2.1' }
const refused = { code: 'forbidden' }

function gateway(signUp: SignUpMode) {
  return createAccounts({ store: opened.store, clock, keyEnvironment: 'test', signUp })
}

describe('signing up', () => {
  test('is off unless the operator says otherwise', async () => {
    const { signUps } = createAccounts({ store: opened.store, clock, keyEnvironment: 'test' })
    const { code } = await signUps.invite({})
    await expect(signUps.signUp({ ...ADA, invite: code })).rejects.toMatchObject(refused)
  })

  test('gives a key with which one can do everything, where it is open', async () => {
    const accounts = gateway('open')
    const { account, secret, invite } = await accounts.signUps.signUp(ADA)
    expect(invite).toBeNull()
    expect(await accounts.authenticate(secret)).toMatchObject({ account: { id: account.id } })
  })

  test('takes an invitation where it says so, once, and brings its credit', async () => {
    const { signUps } = gateway('invite')
    await expect(signUps.signUp(ADA)).rejects.toMatchObject(refused)
    const { code } = await signUps.invite({ credit: '2.5' })
    expect(code).toMatch(INVITE_CODE)
    const { invite } = await signUps.signUp({ ...ADA, invite: code })
    expect(invite).toMatchObject({ credit: '2.5' })
    await expect(signUps.signUp({ ...ADA, invite: code })).rejects.toMatchObject(refused)
  })

  test('by two at once with one invitation lets one of them in', async () => {
    const { signUps } = gateway('invite')
    const { code } = await signUps.invite({})
    const both = [1, 2].map(() => signUps.signUp({ ...ADA, invite: code }))
    const settled = await Promise.allSettled(both)
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is refused in the same words for an invitation that is unknown, over or of another', async () => {
    const { signUps } = gateway('invite')
    const over = await signUps.invite({ expiresAtMs: clock.now() })
    const others = await signUps.invite({ email: 'Bob@example.com' })
    const said = new Set<string>()
    for (const invite of [`inv_${'0'.repeat(40)}`, over.code, others.code]) {
      const attempt = signUps.signUp({ ...ADA, email: 'ada@example.com', invite })
      const refusal = await attempt.then(
        () => 'let in',
        (error: Error) => error.message,
      )
      said.add(refusal)
    }
    expect([...said]).toEqual([expect.stringContaining('takes an invitation')])
    const bob = { ...ADA, email: 'bob@example.com', invite: others.code }
    await expect(signUps.signUp(bob)).resolves.toMatchObject({ account: { name: 'Ada' } })
  })

  test('that fails leaves the invitation open', async () => {
    const { signUps } = gateway('invite')
    const { code } = await signUps.invite({})
    await gateway('open').signUps.signUp({ ...ADA, slug: 'taken' })
    const attempt = signUps.signUp({ ...ADA, slug: 'taken', invite: code })
    await expect(attempt).rejects.toMatchObject({ code: 'slug_taken' })
    await expect(signUps.signUp({ ...ADA, invite: code })).resolves.toBeDefined()
  })

  test('makes what comes along in the same transaction, or nothing', async () => {
    const accounts = gateway('open')
    const attempt = accounts.signUps.signUp({ ...ADA, slug: 'with-person' }, async () => {
      throw new Error('no person')
    })
    await expect(attempt).rejects.toThrow('no person')
    expect(await accounts.bySlug('with-person')).toBeUndefined()
  })
})

describe('the pace', () => {
  const pace = { perAddress: 2, overall: 4, spanMs: 60_000 }

  test('is kept for each address, and starts anew in the next span', () => {
    const keep = createPace(clock, pace)
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) keep(address)
    expect(() => keep('192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterMs: expect.any(Number) }),
    )
    keep('192.0.2.2')
    clock.advance(60_000)
    keep('192.0.2.1')
  })

  test('is kept for all addresses together', () => {
    const keep = createPace(clock, pace)
    for (const last of [1, 2, 3, 4]) keep(`192.0.2.${last}`)
    expect(() => keep('192.0.2.5')).toThrow('too many')
  })

  test('is one for a whole block of IPv6', () => {
    const keep = createPace(clock, pace)
    keep('2001:db8:1:2::1')
    keep('2001:db8:1:2::2')
    expect(() => keep('2001:db8:1:2:3:4:5:6')).toThrow('too many')
    keep('2001:db8:1:3::1')
  })
})

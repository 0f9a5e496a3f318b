import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { isPublicAddress } from './address-guard.js'
import { judgePeer, type Lookup, publicLookup } from './egress.js'
import { nextHop } from './redirects.js'
import { scrubberFor } from './scrub.js'
import { createUpstreams } from './upstreams.js'

/** Nobody may ever connect to it. */
const canary = createServer((socket) => socket.destroy())
let connections = 0
let port = 0

beforeAll(async () => {
  canary.on('connection', () => connections++)
  canary.listen(0, '127.0.0.1')
  await once(canary, 'listening')
  port = (canary.address() as AddressInfo).port
})

afterAll(async () => {
  canary.close()
  expect(connections).toBe(0)
})

async function outcomeOf(url: string, lookup?: Lookup) {
  const upstreams = createUpstreams({
    allow: ['127.0.0.1:1'],
    timeoutMs: 5_000,
    maxBodyBytes: 1024,
    userAgent: 'Souk/1 (test)',
    clock: handClock(),
    ...(lookup ? { lookup } : {}),
  })
  const request = { method: 'GET' as const, url, headers: {} }
  const credential = { type: 'bearer' as const, token: 'sk_live_0123456789' }
  const answer = await upstreams.send(request, credential, {})
  await upstreams.close()
  return answer
}

test.each([
  'https://127.0.0.1',
  'https://127.1',
  'https://127.0.1',
  'https://127.255.255.254',
  'https://2130706433',
  'https://0x7f000001',
  'https://0x7f.1',
  'https://0x7f.0x0.0x0.0x1',
  'https://017700000001',
  'https://0177.0.0.1',
  'https://0177.1',
  'https://１２７.０.０.１',
  'https://127。0。0。1',
  'https://0',
  'https://0.0.0.0',
  'https://localhost',
  'https://localhost.',
  'https://LOCALHOST',
  'https://api.localhost',
  'https://10.0.0.1',
  'https://172.16.0.1',
  'https://192.168.1.1',
  'https://100.64.0.1',
  'https://169.254.169.254',
  'https://0xa9fea9fe',
  'https://168.63.129.16',
  'https://192.0.0.192',
  'https://192.0.2.1',
  'https://198.18.0.1',
  'https://198.51.100.7',
  'https://203.0.113.7',
  'https://224.0.0.1',
  'https://240.0.0.1',
  'https://255.255.255.255',
  'https://[::1]',
  'https://[::]',
  'https://[0:0:0:0:0:0:0:1]',
  'https://[::127.0.0.1]',
  'https://[::ffff:127.0.0.1]',
  'https://[::ffff:7f00:1]',
  'https://[::ffff:169.254.169.254]',
  'https://[::ffff:0:127.0.0.1]',
  'https://[64:ff9b::7f00:1]',
  'https://[64:ff9b:1::7f00:1]',
  'https://[2002:7f00:1::]',
  'https://[2001:0:7f00:1::]',
  'https://[fc00::1]',
  'https://[fd00:ec2::254]',
  'https://[fe80::1]',
  'https://[fec0::1]',
  'https://[ff02::1]',
  'https://[2001:db8::1]',
  'https://[3fff::1]',
  'https://[5f00::1]',
  'https://[100::1]',
  'https://[4000::1]',
  'http://127.0.0.1',
  'http://localhost',
  'http://[::1]',
  'https://user:password@127.0.0.1',
  'ftp://127.0.0.1',
])('%s is blocked before anything connects', async (origin) => {
  expect(await outcomeOf(`${origin}:${port}/`)).toMatchObject({
    kind: 'unanswered',
    reason: 'blocked',
    dispatched: false,
  })
})

test.each([
  'http://api.example/',
  'https://api.example:22/',
  'https://api.example:25/',
  'https://api.example:80/',
  'ws://api.example/',
  'file:///etc/passwd',
  'data:text/plain,x',
  'https://user@api.example/',
])('%s is blocked by its form, whatever its host', async (url) => {
  const lookup: Lookup = () => Promise.reject(new Error('must not be asked'))
  expect(await outcomeOf(url, lookup)).toMatchObject({ reason: 'blocked', dispatched: false })
})

const v4 = (address: string) => ({ address, family: 4 })
const v6 = (address: string) => ({ address, family: 6 })

test.each([
  ['loopback', [v4('127.0.0.1')]],
  ['metadata', [v4('169.254.169.254')]],
  ['public first, private second', [v4('93.184.216.34'), v4('127.0.0.1')]],
  ['private first, public second', [v4('127.0.0.1'), v4('93.184.216.34')]],
  ['public v4, private v6', [v4('93.184.216.34'), v6('::1')]],
  ['a mapped AAAA', [v6('::ffff:127.0.0.1')]],
  ['a NAT64 AAAA', [v6('64:ff9b::7f00:1')]],
  ['a scoped AAAA', [v6('fe80::1%lo')]],
  ['no address at all', []],
  ['something that is no address', [v4('localhost')]],
])('a name that resolves to %s is blocked', async (_, addresses) => {
  const answer = await outcomeOf(`https://api.example:${port}/`, async () => addresses)
  expect(answer).toMatchObject({ kind: 'unanswered', reason: 'blocked', dispatched: false })
})

test('a name that does not resolve is unreachable', async () => {
  const lookup: Lookup = () =>
    Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
  const answer = await outcomeOf('https://api.example/', lookup)
  expect(answer).toMatchObject({ reason: 'unreachable', dispatched: false })
})

test('a name that rebinds is judged by the answer that is connected to', async () => {
  const answers = [[v4('93.184.216.34'), v6('2606:4700::1111')], [v4('127.0.0.1')]]
  let asked = 0
  const lookup = publicLookup(async () => answers[asked++]!)
  const resolve = (all: boolean) =>
    new Promise((done) => {
      lookup('api.example', { all }, (error, address) => done(error ? 'blocked' : address))
    })
  expect(await resolve(true)).toEqual(answers[0])
  expect(await resolve(true)).toBe('blocked')
  asked = 0
  expect(await resolve(false)).toBe('93.184.216.34')
  expect(asked).toBe(1)
})

test('a connection whose other end is not public after all is closed', () => {
  for (const remoteAddress of ['127.0.0.1', '::ffff:10.0.0.1', 'fe80::1', undefined]) {
    let isDestroyed = false
    const destroy = () => {
      isDestroyed = true
      return undefined as never
    }
    expect(judgePeer({ remoteAddress, destroy })).toBeInstanceOf(Error)
    expect(isDestroyed).toBe(true)
  }
  const open = { remoteAddress: '93.184.216.34', destroy: () => expect.unreachable() }
  expect(judgePeer(open)).toBeUndefined()
})

test.each(['1.1.1.1', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8'])(
  '%s is public',
  (address) => expect(isPublicAddress(address)).toBe(true),
)

test('a listing cannot be made for what a call could not reach', () => {
  const upstreams = createUpstreams({
    allow: [`127.0.0.1:${port}`, 'LOCALHOST:8080', '[::1]:9001'],
    timeoutMs: 1,
    maxBodyBytes: 1,
    userAgent: 'Souk/1 (test)',
    clock: handClock(),
  })
  for (const url of [
    'https://api.example/v1',
    'https://api.example:8443',
    `http://127.0.0.1:${port}`,
    `https://127.0.0.1:${port}`,
    'http://localhost:8080/v1',
    'http://[0:0::1]:9001',
  ]) {
    expect(() => upstreams.checkReachable(url), url).not.toThrow()
  }
  for (const url of [
    'http://api.example/v1',
    'https://10.0.0.1/v1',
    'https://2130706433/',
    'https://api.example:22/',
    'http://localhost:8081/',
    `http://user@127.0.0.1:${port}`,
    `http://127.0.0.1:${port}/?x`,
    'no url',
  ]) {
    expect(() => upstreams.checkReachable(url), url).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  }
  expect(() => upstreams.checkReachable('http://api.example')).toThrow('SOUK_EGRESS_ALLOW')
})

test('a redirect never leads from https to plain http, not even to an allowed host', () => {
  const from = { url: new URL('https://api.example/a'), isHome: true }
  const scrubber = scrubberFor({ type: 'none' })
  expect(nextHop(from, `http://127.0.0.1:${port}/`, scrubber)).toContain('not https')
  expect(nextHop(from, 'http://api.example/a', scrubber)).toContain('not https')
  expect(nextHop(from, 'https://', scrubber)).toContain('no URL')
  expect(nextHop(from, '../b#part', scrubber)).toEqual({
    url: new URL('https://api.example/b'),
    isHome: true,
  })
  expect(nextHop({ ...from, isHome: false }, '/b', scrubber)).toMatchObject({ isHome: false })
})

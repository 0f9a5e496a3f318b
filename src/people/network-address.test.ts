import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { networkAddressOf } from './network-address.js'

const asked = (remoteAddress: string, forwarded?: string) =>
  networkAddressOf({
    socket: { remoteAddress },
    headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) },
  } as unknown as IncomingMessage)

test('only a proxy on this machine is believed, and of what it says the last address', () => {
  expect(asked('192.0.2.1', '198.51.100.7')).toBe('192.0.2.1')
  expect(asked('127.0.0.1')).toBe('127.0.0.1')
  expect(asked('127.0.0.1', ' , ')).toBe('127.0.0.1')
  expect(asked('::ffff:127.0.0.1', '203.0.113.9, 198.51.100.7')).toBe('198.51.100.7')
})

test('all addresses that one network gives its owner count as one', () => {
  expect(asked('2001:db8::1')).toBe(asked('2001:db8::ffff:2'))
  expect(asked('::1', '2001:db8::1')).toBe(asked('2001:db8::1'))
  expect(asked('2001:db8:0:1::1')).not.toBe(asked('2001:db8::1'))
})

import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createHostGuard } from './host-guard.js'

const guard = createHostGuard('https://souk.example')

function passes(host: string | undefined, origin?: string): boolean {
  const headers = { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) }
  try {
    guard({ headers } as IncomingMessage)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'forbidden_origin', status: 403 })
    return false
  }
}

describe('Host', () => {
  test.each([
    'souk.example',
    'souk.example:8402',
    'SOUK.Example',
    'localhost',
    'localhost:8402',
    '127.0.0.1:8402',
    '[::1]:8402',
    '192.168.1.7:8402',
    '[fd00::7]',
  ])('%s is this gateway: its own name, or an address, which cannot be rebound', (host) => {
    expect(passes(host)).toBe(true)
  })

  test.each([
    undefined,
    '',
    'evil.example',
    'souk.example.evil.example',
    'evil-souk.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:127',
    'souk.example, evil.example',
    ' ',
    '[::1',
  ])('%j is another server', (host) => {
    expect(passes(host)).toBe(false)
  })
})

describe('Origin', () => {
  test.each([
    ['souk.example', undefined],
    ['souk.example', 'https://souk.example'],
    ['localhost:8402', 'http://localhost:3000'],
    ['127.0.0.1:8402', 'http://localhost:8402'],
    ['192.168.1.7:8402', 'http://192.168.1.7:8402'],
  ])('at Host %s, %j is this gateway or a program', (host, origin) => {
    expect(passes(host, origin)).toBe(true)
  })

  test.each([
    ['souk.example', 'https://evil.example'],
    ['souk.example', 'null'],
    ['souk.example', ''],
    ['souk.example', 'https://souk.example.evil.example'],
    ['souk.example', 'https://souk.example@evil.example'],
    ['localhost:8402', 'http://192.168.1.8'],
    ['192.168.1.7:8402', 'http://192.168.1.8:8402'],
    ['souk.example', 'file://'],
    ['souk.example', 'chrome-extension://abcdefgh'],
  ])('at Host %s, %j is another site', (host, origin) => {
    expect(passes(host, origin)).toBe(false)
  })
})

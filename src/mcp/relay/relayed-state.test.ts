import { expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { handClock } from '#core/clock'
import { createStateCodec, type StateBinding } from './relayed-state.js'

const clock = handClock()
const codec = createStateCodec({ key: Buffer.alloc(32, 1), clock })
const principal = { account: { id: 'acct_1' }, key: { id: 'key_1' } } as unknown as Principal
const binding: StateBinding = {
  ...{ principal, gatewayId: 'gw_1', server: 'wiki', asked: 'tools/call "echo"' },
}
const refused = expect.objectContaining({ code: -32_602 })
const opening = (text: unknown, of: StateBinding = binding) => {
  try {
    return codec.open(text, of)
  } catch (error) {
    return error
  }
}

test('a state comes back as it went out', () => {
  const state = { upstream: 'theirs', answers: { a: 1 }, approval: 'ours' }
  expect(opening(codec.seal(state, binding))).toEqual(state)
})

test('of another key, gateway, server or request it is refused', () => {
  const text = codec.seal({ upstream: 'x' }, binding)
  const other = { account: { id: 'acct_1' }, key: { id: 'key_2' } } as unknown as Principal
  const foreign: Partial<StateBinding>[] = [
    { principal: other },
    { gatewayId: 'gw_2' },
    { server: 'maps' },
    { asked: 'tools/call "other"' },
  ]
  for (const change of foreign) expect(opening(text, { ...binding, ...change })).toEqual(refused)
})

test('changed in any character, or no text at all, it is refused', () => {
  const text = codec.seal({ upstream: 'x' }, binding)
  for (let at = 0; at < text.length - 1; at++) {
    const other = text[at] === 'A' ? 'B' : 'A'
    expect(opening(text.slice(0, at) + other + text.slice(at + 1))).toEqual(refused)
  }
  for (const wrong of ['', '.', `${text}.x`, 7, null, { a: 1 }, [text]]) {
    expect(opening(wrong)).toEqual(refused)
  }
})

test('after a quarter of an hour it is refused', () => {
  const text = codec.seal({}, binding)
  clock.advance(15 * 60 * 1_000)
  expect(opening(text)).toEqual(refused)
})

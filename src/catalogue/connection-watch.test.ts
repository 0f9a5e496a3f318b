import { expect, test } from 'vitest'
import { createConnectionWatch } from './connection-watch.js'

const silentHosts = (count: number, protocol = 'https') => {
  const watch = createConnectionWatch()
  for (let i = 0; i < count; i++) watch.note(`${protocol}://api-${i}.example/v1`, true)
  return watch
}

test('ten silent providers in a row are our own fault, fewer are theirs', () => {
  expect(silentHosts(9).isCutOff()).toBe(false)
  expect(silentHosts(10).isCutOff()).toBe(true)
})

test('one provider that stays silent ten times is at fault itself', () => {
  const watch = createConnectionWatch()
  for (let i = 0; i < 20; i++) watch.note('https://api.example/v1', true)
  expect(watch.isCutOff()).toBe(false)
})

test('one that answers ends it', () => {
  const watch = silentHosts(30)
  watch.note('https://api.example', false)
  expect(watch.isCutOff()).toBe(false)
})

test('what is nearby proves nothing, neither way', () => {
  expect(silentHosts(30, 'http').isCutOff()).toBe(false)
  const watch = silentHosts(30)
  watch.note('http://127.0.0.1:9001', false)
  expect(watch.isCutOff()).toBe(true)
})

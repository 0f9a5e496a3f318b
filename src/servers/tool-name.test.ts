import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientName } from './tool-name.js'

const prefix = fc.stringMatching(/^[a-z0-9]{1,12}([-_][a-z0-9]{1,12})?$/)

test('a name of common characters that is short enough stays as it is', () => {
  expect(clientName('my-tools', 'get_weather')).toBe('my-tools__get_weather')
  expect(clientName('w', 'a'.repeat(57))).toBe(`w__${'a'.repeat(57)}`)
})

test('a longer one, or one with other characters, is cut and ends in a hash', () => {
  expect(clientName('w', 'a'.repeat(58))).toMatch(/^w__a{48}_[0-9a-f]{8}$/)
  expect(clientName('w', 'get.weather')).toMatch(/^w__get_weather_[0-9a-f]{8}$/)
})

test('every name is one that clients take, the same each time', () => {
  fc.assert(
    fc.property(
      prefix,
      fc.string({ minLength: 1, maxLength: 400, unit: 'binary' }),
      (one, tool) => {
        const name = clientName(one, tool)
        expect(name).toMatch(/^[A-Za-z0-9_-]{1,60}$/)
        expect(name.startsWith(`${one}__`)).toBe(true)
        expect(clientName(one, tool)).toBe(name)
      },
    ),
  )
})

test('two tools of a server never get one name', () => {
  const tool = fc.string({
    minLength: 1,
    maxLength: 80,
    unit: fc.constantFrom('a', '.', '-', '_', 'é'),
  })
  fc.assert(
    fc.property(fc.uniqueArray(tool, { minLength: 2, maxLength: 20 }), (tools) => {
      expect(new Set(tools.map((it) => clientName('w', it))).size).toBe(tools.length)
    }),
  )
})

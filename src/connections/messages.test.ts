import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readMessages } from './messages.js'

const id = 'souk-7'

test('the text of a result is the one that came, wherever it stands in the message', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, 2, 3), (json, form) => {
      const result = `{"content":[], "value": ${json}}`
      const text = [
        `{"jsonrpc":"2.0","id":"${id}","result":${result}}`,
        `{"result":${result},"jsonrpc":"2.0","id":"${id}"}`,
        ` { "id" : "${id}" ,\t"result" : ${result} , "jsonrpc":"2.0" , "more":{"result":1} } `,
        `{"meta":{"result":{}},"jsonrpc":"2.0","result":${result},"id":"${id}"}`,
      ][form]!
      const [message] = readMessages(Buffer.from(text), id)!
      expect(message).toMatchObject({ kind: 'result', id })
      expect(message!.kind === 'result' && message!.bytes.toString()).toBe(result)
    }),
  )
})

test.each([
  [`{"jsonrpc":"2.0","id":"${id}","result":{"a":1},"result":{"b":2}}`, '{"b":2}'],
  [`{"result":{"a":1},"result":{"b":2},"jsonrpc":"2.0","id":"${id}"}`, '{"b":2}'],
  [`{"result":{"a":1},"x":{},"jsonrpc":"2.0","id":"${id}"}`, '{"a":1}'],
])('what is read and what is passed on are the same result (%#)', (text, expected) => {
  const [message] = readMessages(Buffer.from(text), id)!
  if (message?.kind !== 'result') throw new Error('no result')
  expect(message.bytes.toString()).toBe(expected)
  expect(message.value).toEqual(JSON.parse(expected))
})

test.each(['', 'null', '7', '{', '[1', '{"jsonrpc":"2.0"}', '{"result":null,"id":1}'])(
  'what is no message gives none (%j)',
  (text) => {
    expect(readMessages(Buffer.from(text), id) ?? []).toEqual([])
  },
)

test('a batch gives its messages', () => {
  const text = `[{"method":"a"},{"id":1,"method":"b"},{"id":"${id}","result":{}},{"id":2,"error":{}}]`
  expect(readMessages(Buffer.from(text), id)!.map(({ kind }) => kind)).toEqual([
    'notification',
    'request',
    'result',
    'error',
  ])
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventReader, type StreamEvent } from './event-stream.js'

const LIMIT = 1000

function read(text: string | Buffer, cuts: readonly number[] = [], limit = LIMIT) {
  const bytes = Buffer.from(text)
  const events: { type: string; data: string }[] = []
  const reader = createEventReader(limit, ({ type, data }: StreamEvent) =>
    events.push({ type, data: data.toString() }),
  )
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]
  const isFine = places
    .slice(1)
    .every((end, i) => reader.push(Buffer.from(bytes.subarray(places[i], end))))
  return { events, isFine, lastEventId: reader.lastEventId(), retryMs: reader.retryMs() }
}

const stream =
  ': a comment\n\nid: 1\nretry: 250\ndata:\n\nevent: endpoint\ndata: /x?y\n\r\ndata: {"a":\ndata: "ü"}\r\nid: 2\r\n\r\nignored: x\ndata:  two\n\ndata: never ended'

test('events are read as the standard says', () => {
  expect(read(stream)).toEqual({
    events: [
      { type: 'endpoint', data: '/x?y' },
      { type: 'message', data: '{"a":\n"ü"}' },
      { type: 'message', data: ' two' },
    ],
    isFine: true,
    lastEventId: '2',
    retryMs: 250,
  })
})

test('it makes no difference where the bytes are cut', () => {
  const whole = read(stream)
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
      expect(read(stream, cuts)).toEqual(whole)
    }),
  )
})

test.each([
  ['a line that never ends', 'data: '.padEnd(LIMIT + 1, 'x')],
  ['an event of many lines', `data: ${'x'.repeat(90)}\n`.repeat(12)],
  ['an event of many empty lines', 'data\n'.repeat(LIMIT + 1)],
])('%s is given up beyond the limit, however it comes in', (_, text) => {
  for (const cuts of [[], [1, 10, 100, 500, 999]]) expect(read(text, cuts).isFine).toBe(false)
})

test('events up to the limit are read, however many there are', () => {
  const one = `data: ${'x'.repeat(900)}\n\n`
  expect(read(one.repeat(50)).events).toHaveLength(50)
})

test.each(['é', 'x'.repeat(2000)])(
  'an id that cannot stand in a header is not taken (%#)',
  (id) => {
    expect(read(`id: ok\nid: ${id}\ndata: x\n\n`, [], 10_000).lastEventId).toBe('ok')
  },
)

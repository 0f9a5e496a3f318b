import { expect, test } from 'vitest'
import { createImportSeats } from './import-seats.js'

test('an account has two seats, all together three; the rest is told to come back', () => {
  const takeSeat = createImportSeats()
  const free = takeSeat('acct_a')
  takeSeat('acct_a')
  const tooMany = expect.objectContaining({ code: 'busy', retryAfterMs: 1_000 })
  expect(() => takeSeat('acct_a')).toThrow(expect.objectContaining({ code: 'busy', status: 429 }))
  takeSeat('acct_b')
  expect(() => takeSeat('acct_c')).toThrow(expect.objectContaining({ code: 'busy', status: 503 }))
  free()
  takeSeat('acct_c')
  expect(() => takeSeat('acct_d')).toThrow(tooMany)
})

test('a seat that is given back twice is free once', () => {
  const takeSeat = createImportSeats()
  const free = takeSeat('acct_a')
  takeSeat('acct_b')
  takeSeat('acct_c')
  free()
  free()
  takeSeat('acct_d')
  expect(() => takeSeat('acct_e')).toThrow(expect.objectContaining({ code: 'busy' }))
})

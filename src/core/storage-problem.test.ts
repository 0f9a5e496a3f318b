import { expect, test } from 'vitest'
import { Problem } from './problem.js'
import { refusalIn } from './storage-problem.js'

const failed = (code?: string) => Object.assign(new Error('it failed'), { code })

test.each(['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_FSYNC', '53100', '58030'])(
  'a database that failed with %s cannot write, which passes',
  (code) => {
    const error = failed(code)
    expect(refusalIn(error)).toMatchObject({
      code: 'storage_full',
      status: 503,
      retryAfterMs: 30_000,
      cause: error,
    })
  },
)

test('a refusal stays the one that it is', () => {
  const problem = new Problem('quote_used', 'It was used.')
  expect(refusalIn(problem)).toBe(problem)
})

test.each([failed(), failed('SQLITE_CONSTRAINT_UNIQUE'), failed('23505'), null, 'SQLITE_FULL'])(
  '%s is no refusal',
  (error) => {
    expect(refusalIn(error)).toBeUndefined()
  },
)

test.each([
  failed('ECONNREFUSED'),
  failed('57P03'),
  failed('25P03'),
  new Error('Connection terminated unexpectedly'),
  new Error('Query read timeout'),
  new Error('timeout exceeded when trying to connect'),
])('a database that cannot be reached (%s) may be asked again', (error) => {
  expect(refusalIn(error)).toMatchObject({ code: 'busy', status: 503, retryAfterMs: 2_000 })
})

import { expect, test } from 'vitest'
import { createPasswords } from './password.js'

const PASSWORD = 'correct horse battery'

test('a password is sealed at the cost that OWASP asks for, each time with another salt', async () => {
  const passwords = createPasswords()
  const [one, other] = await Promise.all([passwords.seal(PASSWORD), passwords.seal(PASSWORD)])
  expect(one).toMatch(/^scrypt\$131072\$8\$1\$/)
  expect(one).not.toBe(other)
})

test('one that was sealed at another cost still opens, and no other does', async () => {
  const cheap = createPasswords({ N: 2 ** 10, r: 8, p: 1 })
  const sealed = await cheap.seal(PASSWORD)
  const passwords = createPasswords()
  expect(await passwords.matches(PASSWORD, sealed)).toBe(true)
  expect(await passwords.matches(`${PASSWORD}!`, sealed)).toBe(false)
  expect(await passwords.matches(PASSWORD, undefined)).toBe(false)
})

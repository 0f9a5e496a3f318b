import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from './config.js'
import { start } from './main.js'

let dataDir: string

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'souk-operator-'))
})

afterAll(() => rmSync(dataDir, { recursive: true }))

/** Starts with this setting, and says which of `keys` are the operator's now. */
async function startedWith(operatorKey: string | undefined, keys: readonly string[] = []) {
  const environment = {
    PORT: '0',
    SOUK_DATA_DIR: dataDir,
    SOUK_SANDBOX: 'off',
    SOUK_LOG_LEVEL: 'silent',
    ...(operatorKey !== undefined && { SOUK_OPERATOR_KEY: operatorKey }),
  }
  const { gateway, doors, drain } = await start(readConfig(environment, join(dataDir, 'none.yaml')))
  const accepted: string[] = []
  for (const key of keys) {
    const headers = { authorization: `Bearer ${key}` }
    const response = await fetch(`${gateway.deps.publicUrl}/v1/operator/ledger`, { headers })
    if (response.status === 200) accepted.push(key)
    else expect(response.status).toBe(401)
  }
  await drain()
  return { accepted, shown: doors.operatorKey }
}

const file = () => join(dataDir, 'operator.key')

test('the operator’s key is generated, fixed, changed and generated again, and only the latest works', async () => {
  const first = await startedWith(undefined)
  const generated = first.shown!
  expect(generated).toMatch(/^souk_live_/)
  expect(readFileSync(file(), 'utf8')).toBe(`${generated}\n`)
  expect(statSync(file()).mode & 0o777).toBe(0o600)

  const [a, b] = [
    'the first fixed key of the operator'.replaceAll(' ', '-'),
    'souk_fixed_to_look_like_a_mistyped_key',
  ]
  const all = [generated, a!, b!]
  expect(await startedWith(undefined, all)).toEqual({ accepted: [generated], shown: undefined })
  expect(await startedWith(a, all)).toEqual({ accepted: [a], shown: undefined })
  expect(await startedWith(b, all)).toEqual({ accepted: [b], shown: undefined })

  const { shown } = await startedWith(undefined, all)
  expect(readFileSync(file(), 'utf8')).toBe(`${shown}\n`)
  expect(await startedWith(undefined, [...all, shown!])).toMatchObject({ accepted: [shown] })
})

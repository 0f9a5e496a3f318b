import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockFolder } from './folder-lock.js'
import { createSouk } from './souk.js'

test('what could not be started is closed already, and takes nothing more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'souk-embedded-'))
  const unlock = lockFolder(folder)
  const souk = createSouk({ SOUK_DATA_DIR: folder, PORT: '0' })
  await expect(souk.listen()).rejects.toThrow('another gateway is running')
  await souk.close()
  const late = () =>
    souk.addMcpServer({ name: 'notes', transport: 'sse', url: 'https://a.example' })
  expect(late).toThrow('started already')
  unlock()
  rmSync(folder, { recursive: true })
})

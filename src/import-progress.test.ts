import { expect, test } from 'vitest'
import { createProgress } from './import-progress.js'

test('a terminal shows a bar that fills up, with what was read and refused', () => {
  const written: string[] = []
  const terminal = { isTTY: true, write: (text: string) => written.push(text) }
  const progress = createProgress(() => expect.unreachable(), 2, terminal)
  progress.passed({ operations: 3, failures: 0 })
  progress.passed({ operations: 3, failures: 1 })
  progress.end()
  expect(written).toEqual([
    `\r[${'#'.repeat(15)}${'.'.repeat(15)}] 1 of 2 files, 3 operations, 0 refused`,
    `\r[${'#'.repeat(30)}] 2 of 2 files, 3 operations, 1 refused`,
    '\n',
  ])
})

test('elsewhere nothing is drawn', () => {
  const terminal = { write: () => expect.unreachable() }
  const progress = createProgress(() => {}, 1, terminal)
  progress.passed({ operations: 1, failures: 0 })
  progress.end()
})

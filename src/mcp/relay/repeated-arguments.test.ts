import { expect, test } from 'vitest'
import { differingHeader } from './repeated-arguments.js'

const inBase64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`

test.each([
  ['eu', 'eu'],
  ['eu', inBase64('eu')],
  [inBase64('größe'), inBase64('größe')],
  ['42', '42.0'],
  ['=?base64?SGVsbG8', '=?base64?SGVsbG8'],
])('the argument written %s is repeated by %s', (expected, given) => {
  expect(differingHeader({ 'mcp-param-a': expected }, { 'mcp-param-a': given })).toBeUndefined()
})

test.each([
  ['eu', undefined],
  ['eu', 'us'],
  ['Hello', '=?base64?SGVsbG8?='],
  ['Hello', '=?base64?SGVs!!!bG8=?='],
  ['42', '43'],
])('the argument written %s is not repeated by %s', (expected, given) => {
  expect(differingHeader({ 'mcp-param-a': expected }, { 'mcp-param-a': given })).toBe('mcp-param-a')
})

import { expect, test } from 'vitest'
import { faultInRedirectUris } from './redirect-uris.js'

const good = [
  'https://claude.ai/api/mcp/auth_callback',
  'https://app.example:8443/cb?x=1',
  'http://127.0.0.1:33418/',
  'http://localhost/cb',
  'http://[::1]:7/cb',
  'com.example.app:/cb',
]
test.each(good)('%s may be registered', (uri) => {
  expect(faultInRedirectUris([uri])).toBeUndefined()
})

const bad: unknown[] = [
  'http://app.example/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://127.0.0.2/cb',
  'https://app.example/cb#',
  'https://app.example/*',
  'https://user:pass@app.example/cb',
  'https://app.example\\@evil.example/',
  'https://app.example/c b',
  'https://app.example/ö',
  'javascript:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'myapp:/cb',
  '/cb',
  '',
  7,
  null,
  `https://app.example/${'x'.repeat(2000)}`,
]
test.each(bad)('%s may not', (uri) => {
  expect(faultInRedirectUris([uri])).toMatch(/^redirect_uris /)
  expect(faultInRedirectUris(['https://app.example/cb', uri])).toMatch(/^redirect_uris /)
})

test.each([[[]], [Array(11).fill('https://app.example/')], ['https://app.example/'], [undefined]])(
  'nor may %j',
  (uris) => {
    expect(faultInRedirectUris(uris)).toMatch(/^redirect_uris must be a list/)
  },
)

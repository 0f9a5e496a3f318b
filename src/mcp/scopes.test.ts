import { expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { requireScopes } from './scopes.js'
import type { Surface } from './surface.js'

const surface = { scopeOf: (tool: string) => (tool === 'buy' ? 'call' : undefined) } as Surface
const holder = { key: { scopes: ['read'] }, token: {} } as unknown as Principal
const calling = (name: unknown) => ({ method: 'tools/call', params: { name } })

test('a token that lacks the scope of a tool is told so, in a batch, too', () => {
  for (const body of [calling('buy'), [calling('look'), calling('buy')]]) {
    expect(() => requireScopes(surface, holder, body)).toThrow(
      expect.objectContaining({
        code: 'insufficient_scope',
        facts: { required_scope: 'call', scopes: ['read', 'call'] },
      }),
    )
  }
})

test.each([{ toString: null }, 1, null, undefined, ['buy']])(
  'a name that is no text (%j) is nothing to judge here',
  (name) => expect(() => requireScopes(surface, holder, calling(name))).not.toThrow(),
)

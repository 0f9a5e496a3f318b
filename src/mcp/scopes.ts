/**
 * What an access token lacks is said before anything else, as HTTP: its client can then ask the person
 * for more. The holder of a key is told by the tool instead.
 */
import type { Principal } from '#accounts'
import { Problem } from '#core/problem'
import { isObject } from '#schemas'
import type { Surface } from './surface.js'

/** @throws Problem `insufficient_scope`, `facts.scopes` being all that to ask for. */
export function requireScopes(
  surface: Surface,
  principal: Principal | undefined,
  body: unknown,
): void {
  if (!principal?.token) return
  const { scopes } = principal.key
  for (const message of [body].flat()) {
    const tool = toolIn(message)
    const needed = tool === undefined ? undefined : surface.scopeOf(tool)
    if (needed === undefined || scopes.includes(needed)) continue
    throw new Problem('insufficient_scope', `This access token lacks the scope "${needed}".`, {
      facts: { required_scope: needed, scopes: [...scopes, needed] },
    })
  }
}

function toolIn(message: unknown): string | undefined {
  if (!isObject(message) || message.method !== 'tools/call' || !isObject(message.params)) {
    return undefined
  }
  const { name } = message.params
  return typeof name === 'string' ? name : undefined
}

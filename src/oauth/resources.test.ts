import { expect, test } from 'vitest'
import { createResources } from './resources.js'

const URL = 'https://souk.example'
const resources = createResources(URL)

const meant: [string, string | undefined][] = [
  [`${URL}/mcp`, `${URL}/mcp`],
  [`${URL}/mcp/`, `${URL}/mcp`],
  [`${URL}/mcp/acme/tools`, `${URL}/mcp/acme/tools`],
  [`${URL}/mcp/acme/tools/ws`, `${URL}/mcp/acme/tools`],
  [URL, undefined],
  [`${URL}/v1`, undefined],
  [`${URL}/mcp/acme`, undefined],
  [`${URL}/mcp/acme/..`, undefined],
  [`${URL}/mcp/acme/TOOLS`, undefined],
  [`${URL}/mcp/acme/tools/more/still`, undefined],
  [`${URL}/mcp?x=1`, undefined],
  [`${URL}/mcp#x`, undefined],
  [`${URL}/mcp/../v1`, undefined],
  [`${URL}.evil.example/mcp`, undefined],
  ['http://souk.example/mcp', undefined],
  ['https://SOUK.example/mcp', undefined],
]
test.each(meant)('%s means %s', (indicator, audience) => {
  expect(resources.audienceNamed(indicator)).toBe(audience)
})

test('the metadata of each resource is where its challenge says', () => {
  for (const path of ['/mcp', '/mcp/acme/tools', '/mcp/acme/tools/sse']) {
    const { resource } = resources.metadataAt(`/.well-known/oauth-protected-resource${path}`)!
    const named = /resource_metadata="([^"]+)"/.exec(resources.challenge(path, {}))![1]!
    expect(resources.metadataAt(named.slice(URL.length))!.resource).toBe(resource)
    expect(resource).toBe(resources.audienceOf(path))
  }
  expect(resources.metadataAt('/.well-known/oauth-protected-resource/v1')).toBeUndefined()
  expect(resources.metadataAt('/.well-known/oauth-protected-resourcex')).toBeUndefined()
})

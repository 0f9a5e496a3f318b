import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Named, slugsOf } from './slugs.js'

const named = (id: string | undefined, path = '/a', method = 'GET'): Named => ({ id, path, method })

test('slugs are the words of the id, else of method and path', () => {
  const operations = [
    named('listHTTPRoutes_v2'),
    named('Überall'),
    named(undefined, '/b/{id}'),
    named('__proto__', '/c'),
    named('日本', '/c', 'POST'),
    named('x'.repeat(100), '/d'),
  ]
  expect(slugsOf(operations, [])).toEqual([
    'list-http-routes-v2',
    'uberall',
    'get-b-id',
    'proto',
    'post-c',
    'x'.repeat(64),
  ])
})

test('an id that begins with the name of its service loses it, unless nothing is left', () => {
  const operations = ['youtube.videos.list', 'YouTubeSearch', 'youtube', 'videos.youtube'].map(
    (id) => named(id),
  )
  expect(slugsOf(operations, ['YouTube Data API v3', 'media'])).toEqual([
    'videos-list',
    'search',
    'youtube',
    'videos-youtube',
  ])
})

test('operations of one name are told apart by their method, else by a hash', () => {
  const operations = [
    named('users', '/users'),
    named('users', '/users', 'POST'),
    named('pets', '/pets'),
    named('pets', '/animals'),
    named('x'.repeat(100), '/d'),
    named('x'.repeat(101), '/e', 'POST'),
  ]
  expect(slugsOf(operations, [])).toEqual([
    'users-get',
    'users-post',
    expect.stringMatching(/^pets-[0-9a-f]{8}$/),
    expect.stringMatching(/^pets-[0-9a-f]{8}$/),
    expect.stringMatching(/^x{55}-[0-9a-f]{8}$/),
    expect.stringMatching(/^x{55}-[0-9a-f]{8}$/),
  ])
})

const anOperation = fc.record({
  id: fc.constantFrom(undefined, 'list', 'List', 'listGet', 'list-get', 'acme.list', ''),
  path: fc.constantFrom('/a', '/b', '/a/{id}', '/list'),
  method: fc.constantFrom('GET', 'POST'),
})
const distinct = fc.uniqueArray(anOperation, {
  selector: ({ path, method }) => `${method} ${path}`,
})

test('whatever order operations come in, each keeps its slug, and no two have the same', () => {
  fc.assert(
    fc.property(distinct, (operations) => {
      const slugs = slugsOf(operations, ['Acme'])
      expect(new Set(slugs).size).toBe(slugs.length)
      expect(slugsOf([...operations].reverse(), ['Acme']).reverse()).toEqual(slugs)
    }),
  )
})

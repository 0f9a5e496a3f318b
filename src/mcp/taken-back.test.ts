import { expect, test } from 'vitest'
import { createRunningRequests } from './taken-back.js'

test('a request is taken back by its own session and id alone', () => {
  const requests = createRunningRequests()
  const request = requests.begin('one', 1)
  requests.takeBack('other', 1)
  requests.takeBack('one', 2)
  requests.takeBack('one', '1')
  requests.takeBack('one', undefined)
  expect(request.isTakenBack()).toBe(false)
  requests.takeBack('one', 1)
  expect(request.isTakenBack()).toBe(true)
})

test('a later request with the same id is another one', () => {
  const requests = createRunningRequests()
  const first = requests.begin('one', 1)
  requests.takeBack('one', 1)
  const second = requests.begin('one', 1)
  first.done()
  expect(second.isTakenBack()).toBe(false)
  requests.takeBack('one', 1)
  expect(second.isTakenBack()).toBe(true)
  second.done()
  requests.takeBack('one', 1)
  expect(requests.begin('one', 1).isTakenBack()).toBe(false)
})

/** A gateway's REST face, as a program asks it that takes any refusal for a failure of its own. */
export type Json = Record<string, unknown>
export type Rest = (method: string, path: string, key: string, body?: object) => Promise<Json>

/** @throws Error with the answer, when it is not 2xx. */
export function restOf(url: string): Rest {
  return async (method, path, key, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok)
      throw new Error(`${method} ${path} was answered with ${response.status} ${text}`)
    return JSON.parse(text) as Json
  }
}

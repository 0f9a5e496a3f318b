/** Media types: which are well-formed, and which of them are written how. */

const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,128}(?:\s*;\s*[\w-]{1,32}=[\w.+:/-]{1,128}){0,4}$/

/** A concrete type such as `application/json; charset=utf-8`: nothing that could start a new line. */
export function isMediaType(text: unknown): text is string {
  return typeof text === 'string' && MEDIA_TYPE.test(text)
}

/** `application/json`, `text/json`, `application/vnd.api+json`, with or without parameters. */
export function isJsonType(type: string): boolean {
  return /^(?:(?:application|text)\/json|[^/;]+\/[^/;]+\+json)\s*(?:;|$)/i.test(type)
}

export function isUrlEncodedType(type: string): boolean {
  return /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)
}

/** Without parameters: the boundary is written by the gateway. */
export function isMultipartType(type: string): boolean {
  return /^multipart\/form-data$/i.test(type)
}

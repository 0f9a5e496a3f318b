/** A stranger's check of a receipt: node:crypto and the public keys, nothing of this project. */
import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto'

type Claims = Record<string, unknown> & {
  seq: number
  prev: string | null
  request: { hash: string }
  response: { status: number | null; hash: string | null; bytes: number }
  charge: { amount: string; fee: string; total: string }
}

export type ReadReceipt = { header: Record<string, unknown>; claims: Claims; isGenuine: boolean }

/** Takes a compact JWS apart and checks its signature with the key that it names. */
export function readReceipt(jws: string, jwks: { keys: JsonWebKey[] }): ReadReceipt {
  const [header = '', payload = '', signature = ''] = jws.split('.')
  const json = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  const key = jwks.keys.find(({ kid }) => kid === json(header).kid)
  const isGenuine =
    key !== undefined &&
    verify(
      null,
      Buffer.from(`${header}.${payload}`),
      createPublicKey({ key, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    )
  return { header: json(header), claims: json(payload), isGenuine }
}

export async function jwksOf(url: string): Promise<{ keys: JsonWebKey[] }> {
  return (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: JsonWebKey[] }
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

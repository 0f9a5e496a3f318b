/**
 * Verifies a receipt with nothing but Node: no package, nothing of this project.
 *
 *   node examples/verify.mjs <receipt> [JWKS file or URL]
 */
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [receipt, jwksAt = 'http://127.0.0.1:8402/.well-known/jwks.json'] = process.argv.slice(2)
if (receipt === undefined) {
  console.error('usage: node examples/verify.mjs <receipt> [JWKS file or URL]')
  process.exit(2)
}
const jwks = /^https?:/.test(jwksAt)
  ? await (await fetch(jwksAt)).json()
  : JSON.parse(readFileSync(jwksAt, 'utf8'))

const claims = verified(receipt)
if (claims) {
  const { jti, endpoint_id, outcome, charge, seq } = claims
  console.log(`VALID ${jti}: ${endpoint_id}, ${outcome}, ${charge.total} USDC, number ${seq}`)
} else {
  console.log('NOT VALID')
  process.exitCode = 1
}

/** The claims of a receipt that one of the keys signed. */
function verified(jws) {
  try {
    const [header, payload, signature] = jws
      .split('.')
      .map((part) => Buffer.from(part, 'base64url'))
    const { alg, typ, kid } = JSON.parse(header)
    const key = createPublicKey({ key: jwks.keys.find((jwk) => jwk.kid === kid), format: 'jwk' })
    const signed = Buffer.from(jws.slice(0, jws.lastIndexOf('.')))
    const isSigned = alg === 'EdDSA' && typ === 'souk-receipt+jwt'
    return isSigned && verify(null, signed, key, signature) && JSON.parse(payload)
  } catch {
    return false
  }
}

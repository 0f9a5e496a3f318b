/**
 * API keys: `souk_<env>_<random>_<checksum>`. 256 random bits, so that a plain SHA-256 is enough at
 * rest; a checksum, so that a mistyped key is refused without asking the database and secret
 * scanners recognise one.
 */
import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^souk_(test|live)_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/

export type KeyEnvironment = 'test' | 'live'

export function newSecret(environment: KeyEnvironment): string {
  const random = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43)
  const body = `souk_${environment}_${random}`
  return `${body}_${checksum(body)}`
}

/** Whether `secret` claims to be a Souk key but its checksum is wrong. */
export function isMistyped(secret: string): boolean {
  if (!secret.startsWith('souk_')) return false
  const match = FORM.exec(secret)
  if (!match) return true
  return checksum(secret.slice(0, -7)) !== match[3]
}

export function hashSecret(secret: string): string {
  return hash('sha256', secret)
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), 6)
}

function base62(value: bigint, length: number): string {
  let rest = value
  let text = ''
  for (let i = 0; i < length; i++) {
    text = BASE62[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}

/**
 * Sign-In with Ethereum (EIP-4361). The gateway writes the message, the wallet signs it, and only
 * exactly such a message counts, once. The address is recovered from the signature, here: so wallets
 * that are contracts (EIP-1271) cannot sign in, since that would take a question to a chain.
 *
 * viem is loaded when the first wallet comes.
 */
import { randomBytes } from 'node:crypto'
import { asDate, type Clock } from '#core/clock'
import { Problem } from '#core/problem'
import type { Store } from '#store'

/** Ethereum, Base, Base Sepolia, and a chain on this machine. */
const CHAIN_IDS: readonly number[] = [1, 8453, 84532, 31337]
const STATEMENT = 'Sign in to Souk. This costs nothing.'
const LIFE_MS = 10 * 60_000
/** What a wallet's clock may be ahead. */
const SKEW_MS = 60_000

export type Signed = { message: string; signature: string }

export type Wallets = {
  /** The message for a wallet to sign. @throws Problem `invalid_request`. */
  challenge(wallet: { address: string; chainId: number }): Promise<string>
  /** The address that signed, in lower case. @throws Problem `unauthenticated`. */
  verify(signed: Signed): Promise<string>
  purge(): Promise<void>
}

type Deps = { store: Store; clock: Clock; publicUrl: string }

export function createWallets({ store, clock, publicUrl }: Deps): Wallets {
  const domain = new URL(publicUrl).host
  return {
    async challenge({ address, chainId }) {
      if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw refusedChallenge('address')
      if (!CHAIN_IDS.includes(chainId)) throw refusedChallenge('chain')
      const { createSiweMessage } = await import('viem/siwe')
      const now = clock.now()
      const nonce = randomBytes(16).toString('hex')
      await store.db('wallet_nonces').insert({ nonce, expires_at: now + LIFE_MS })
      return createSiweMessage({
        address: address.toLowerCase() as `0x${string}`,
        chainId,
        domain,
        uri: publicUrl,
        nonce,
        statement: STATEMENT,
        version: '1',
        issuedAt: asDate(now),
        expirationTime: asDate(now + LIFE_MS),
      })
    },
    async verify({ message, signature }) {
      const { createSiweMessage, parseSiweMessage } = await import('viem/siwe')
      const { recoverMessageAddress } = await import('viem/utils')
      try {
        const said = parseSiweMessage(message)
        const { address, nonce = '' } = said
        // Whatever comes of it, a nonce is good for one try.
        const isKnown = await takeNonce(nonce)
        // Nothing may stand in the message besides what was read from it.
        const isWhole =
          createSiweMessage(said as Parameters<typeof createSiweMessage>[0]) === message
        if (!isKnown || !isWhole || !isOurs(said)) throw refused()
        const signer = await recoverMessageAddress({
          message,
          signature: signature as `0x${string}`,
        })
        if (signer.toLowerCase() !== address?.toLowerCase()) throw refused()
        return signer.toLowerCase()
      } catch (cause) {
        // viem throws for what it cannot read.
        throw cause instanceof Problem ? cause : refused(cause)
      }
    },
    async purge() {
      await store.db('wallet_nonces').where('expires_at', '<', clock.now()).delete()
    },
  }

  async function takeNonce(nonce: string): Promise<boolean> {
    const taken = await store
      .db('wallet_nonces')
      .where({ nonce })
      .where('expires_at', '>', clock.now())
      .delete()
    return taken === 1
  }

  function isOurs(said: Said): boolean {
    const now = clock.now()
    const times = [said.issuedAt, said.expirationTime].map((date) => date?.getTime() ?? Number.NaN)
    const [issuedAtMs, expiresAtMs] = times as [number, number]
    return (
      said.domain === domain &&
      said.uri === publicUrl &&
      said.scheme === undefined &&
      said.notBefore === undefined &&
      CHAIN_IDS.includes(said.chainId ?? 0) &&
      issuedAtMs <= now + SKEW_MS &&
      issuedAtMs > now - LIFE_MS &&
      expiresAtMs > now
    )
  }
}

type Said = ReturnType<typeof import('viem/siwe').parseSiweMessage>

function refusedChallenge(what: string): Problem {
  return new Problem('invalid_request', `The wallet's ${what} is none that can sign in here.`)
}

function refused(cause?: unknown): Problem {
  return new Problem('unauthenticated', 'The wallet’s signature is not good, or not any more.', {
    action: 'Sign in with the wallet again.',
    cause,
  })
}

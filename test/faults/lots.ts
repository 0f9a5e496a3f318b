/** Chance that a seed repeats: the same seed and words draw the same lot, in whatever order. */
import { createHash, randomInt } from 'node:crypto'

/** Of this run: `SOUK_FAULT_SEED` repeats the chances of another. */
export const SEED = process.env.SOUK_FAULT_SEED ?? String(randomInt(1_000_000_000))

/** How many rounds to play: `SOUK_FAULT_ROUNDS`, or as many as usual. */
export function roundsOf(usual: number): number {
  return Number(process.env.SOUK_FAULT_ROUNDS ?? usual)
}

export type Lots = {
  /** A number from 0 up to, not including, 1. */
  draw(...words: (string | number)[]): number
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number, ...words: (string | number)[]): number
}

export function lotsOf(seed: string): Lots {
  return { draw, between }

  function draw(...words: (string | number)[]): number {
    const text = JSON.stringify([seed, ...words])
    return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32
  }

  function between(least: number, most: number, ...words: (string | number)[]): number {
    return least + Math.floor(draw(...words) * (most - least + 1))
  }
}

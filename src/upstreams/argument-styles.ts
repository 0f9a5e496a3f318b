/** One argument's value as the texts that its style wants. Pure. */
import type { Slot, Style } from './argument-slot.js'

/** A name and a value, both in the form in which they are sent. */
export type Pair = [name: string, value: string]
/** Makes a text safe for its place. */
export type Encode = (text: string) => string

const DELIMITERS: Partial<Record<Style, string>> = {
  spaceDelimited: ' ',
  pipeDelimited: '|',
  tabDelimited: '\t',
}

/** Percent-encoding that the URL parser leaves as it is: it would encode an apostrophe itself. */
export function encodeQuery(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}

/**
 * Leaves the reserved characters that cannot end the value: neither `#`, `&`, `+`, `;` nor brackets,
 * which would let a value become another parameter.
 */
export function encodeReserved(text: string): string {
  return encodeQuery(text).replace(/%(?:3A|2F|3F|40|24|2C|3D)/g, decodeURIComponent)
}

/**
 * The pairs of an argument in a query, a form or a cookie: one for a text, and for lists and objects
 * as many as the style takes them apart into. What is null or undefined is left out. One by one, as
 * the name of a deep object is written out for each of its members.
 */
export function* pairsOf(slot: Slot, value: unknown, encode: Encode): Generator<Pair> {
  const name = encode(slot.name)
  if (slot.mediaType !== undefined) yield [name, encode(JSON.stringify(value))]
  else if (slot.style === 'deepObject') yield* deepPairs(name, value, encode)
  else if (typeof value !== 'object' || value === null) yield [name, encode(scalarText(value))]
  else if (!slot.explode) {
    const text = joined(slot.style, value, encode)
    if (text !== '') yield [name, text]
  } else if (Array.isArray(value)) {
    for (const item of textsOf(value, encode)) yield [name, item]
  } else yield* memberPairs(value, encode)
}

/** A list's items, or an object's names and values in turn: `a,b` or `R,100,G,200`. */
function joined(style: Style | undefined, value: object, encode: Encode): string {
  const texts = Array.isArray(value) ? textsOf(value, encode) : memberPairs(value, encode).flat()
  return texts.join(delimiterOf(style, encode))
}

function delimiterOf(style: Style | undefined, encode: Encode): string {
  const delimiter = style && DELIMITERS[style]
  return delimiter === undefined ? ',' : encode(delimiter)
}

/** `name[member][0]=…`, as deep as the value goes. */
function* deepPairs(name: string, value: unknown, encode: Encode): Generator<Pair> {
  if (typeof value !== 'object' || value === null) {
    yield [name, encode(scalarText(value))]
    return
  }
  for (const [key, member] of Object.entries(value)) {
    if (!isGiven(member)) continue
    yield* deepPairs(name + encode('[') + encode(key) + encode(']'), member, encode)
  }
}

/** An object's members; a list within repeats its member's name. */
function memberPairs(value: object, encode: Encode): Pair[] {
  return Object.entries(value).flatMap(([name, member]) =>
    textsOf([member].flat(), encode).map((text): Pair => [encode(name), text]),
  )
}

function textsOf(items: unknown[], encode: Encode): string[] {
  return items.filter(isGiven).map((item) => encode(scalarText(item)))
}

/** A styled path variable, encoded: `a,b`, `.a.b` or `;name=a;name=b`. */
export function pathText(slot: Slot, value: unknown, encode: Encode): string {
  const { style, explode } = slot
  if (style !== 'label' && style !== 'matrix') return simpleText(slot, value, encode)
  const name = style === 'label' ? '' : `${encode(slot.name)}=`
  const mark = style === 'label' ? '.' : ';'
  if (!explode || typeof value !== 'object' || value === null) {
    return mark + name + simpleText({ ...slot, explode: false }, value, encode)
  }
  const parts = Array.isArray(value)
    ? textsOf(value, encode).map((item) => name + item)
    : assignments(value, encode)
  return parts.map((part) => mark + part).join('')
}

/** Style `simple`, also that of headers: `a,b` and `R,100,G,200`, exploded `R=100,G=200`. */
export function simpleText(slot: Slot, value: unknown, encode: Encode): string {
  const { style, explode, mediaType } = slot
  if (mediaType !== undefined) return encode(asciiJson(value))
  if (typeof value !== 'object' || value === null) return encode(scalarText(value))
  if (!explode || Array.isArray(value)) return joined(style, value, encode)
  return assignments(value, encode).join(delimiterOf(style, encode))
}

function assignments(value: object, encode: Encode): string[] {
  return memberPairs(value, encode).map((pair) => pair.join('='))
}

/** JSON in the characters that a header can carry. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The deepest that a list or an object may go where it is no JSON. */
const MAX_DEPTH = 16

/**
 * Why a list or an object cannot be taken apart, or `undefined`; `textFault` judges each text within
 * it, names of members included.
 */
export function partsFault(
  value: unknown,
  textFault: (text: string) => string | undefined,
  depth = 0,
): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return isGiven(value) ? textFault(String(value)) : undefined
  }
  if (depth === MAX_DEPTH) return 'It is nested too deeply.'
  for (const [name, member] of Object.entries(value)) {
    const ofName = Array.isArray(value) ? undefined : textFault(name)
    const fault = ofName ?? partsFault(member, textFault, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What has no UTF-8 form cannot be percent-encoded. */
export function wellFormedFault(text: string): string | undefined {
  return text.isWellFormed() ? undefined : 'It has a lone surrogate, which has no UTF-8 form.'
}

export function scalarText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Columns of numbers that grow at their end, and names that are stored once. */

type Column = Uint8Array | Uint32Array | Float32Array | Float64Array | BigInt64Array

const FIRST_CAPACITY = 1_024

/** `column`, or a copy of it with room for at least `length` values; new ones are zero. */
export function withRoom<C extends Column>(column: C, length: number): C {
  if (length <= column.length) return column
  const capacity = Math.max(FIRST_CAPACITY, length, column.length * 2)
  const larger = new (column.constructor as new (length: number) => C)(capacity)
  larger.set(column as never)
  return larger
}

/** The values at these places of `column`, and no room for more. */
export function keptOf<C extends Column>(column: C, places: Uint32Array): C {
  const kept = new (column.constructor as new (length: number) => C)(places.length)
  for (let at = 0; at < places.length; at++) kept[at] = column[places[at]!]!
  return kept
}

/** `column`, or a larger copy of it, with `value` at the place `at`. */
export function withValue<C extends Column>(column: C, at: number, value: C[number]): C {
  const roomy = withRoom(column, at + 1)
  roomy[at] = value
  return roomy
}

/** Texts by number, each stored once. */
export type Names = {
  list: string[]
  /** The number of `name`, a new one where it is not known yet. */
  numberOf(name: string): number
  find(name: string): number | undefined
}

export function createNames(list: string[] = []): Names {
  const numbers = new Map<string, number>()
  for (const [number, name] of list.entries()) numbers.set(name, number)
  return {
    list,
    numberOf(name) {
      const known = numbers.get(name)
      if (known !== undefined) return known
      numbers.set(name, list.length)
      return list.push(name) - 1
    },
    find: (name) => numbers.get(name),
  }
}

import {
  decimalText,
  dividedBy,
  minus,
  parseDecimal,
  plus,
  type Rational,
  times,
} from './sample-seller-rational.js'
import { badInput } from './sample-seller-refusal.js'

/**
 * Every unit by its case-sensitive symbol, as its size in the base unit of its quantity. All
 * sizes are exact by definition; `a/b` is a fraction.
 */
const SIZES = {
  length: {
    m: '1',
    km: '1000',
    cm: '0.01',
    mm: '0.001',
    um: '1e-6',
    nm: '1e-9',
    in: '0.0254',
    ft: '0.3048',
    yd: '0.9144',
    mi: '1609.344',
    nmi: '1852',
    au: '149597870700',
  },
  mass: {
    kg: '1',
    g: '0.001',
    mg: '1e-6',
    ug: '1e-9',
    t: '1000',
    lb: '0.45359237',
    oz: '0.45359237/16',
    st: '6.35029318',
    ton_us: '907.18474',
    ton_uk: '1016.0469088',
  },
  volume: {
    m3: '1',
    L: '0.001',
    dL: '1e-4',
    cL: '1e-5',
    mL: '1e-6',
    cm3: '1e-6',
    in3: '0.000016387064',
    ft3: '0.028316846592',
    gal_us: '0.003785411784',
    qt_us: '0.003785411784/4',
    pt_us: '0.003785411784/8',
    cup_us: '0.003785411784/16',
    floz_us: '0.003785411784/128',
    tbsp_us: '0.003785411784/256',
    tsp_us: '0.003785411784/768',
    gal_uk: '0.00454609',
    pt_uk: '0.00454609/8',
    floz_uk: '0.00454609/160',
  },
  area: {
    m2: '1',
    km2: '1e6',
    cm2: '1e-4',
    mm2: '1e-6',
    ha: '10000',
    in2: '0.00064516',
    ft2: '0.09290304',
    yd2: '0.83612736',
    acre: '4046.8564224',
    mi2: '2589988.110336',
  },
  speed: { 'm/s': '1', 'km/h': '5/18', mph: '0.44704', kn: '1852/3600', 'ft/s': '0.3048' },
  temperature: { K: '1', C: '1', F: '5/9', R: '5/9' },
  data: {
    B: '1',
    bit: '1/8',
    kbit: '125',
    Mbit: '125e3',
    Gbit: '125e6',
    kB: '1e3',
    MB: '1e6',
    GB: '1e9',
    TB: '1e12',
    PB: '1e15',
    KiB: '1024',
    MiB: '1048576',
    GiB: '1073741824',
    TiB: '1099511627776',
  },
  energy: {
    J: '1',
    kJ: '1000',
    MJ: '1e6',
    cal: '4.184',
    kcal: '4184',
    Wh: '3600',
    kWh: '3.6e6',
    Btu: '1055.05585262',
    eV: '1.602176634e-19',
    ftlb: '1.3558179483314004',
  },
  pressure: {
    Pa: '1',
    hPa: '100',
    kPa: '1000',
    MPa: '1e6',
    mbar: '100',
    bar: '1e5',
    atm: '101325',
    Torr: '101325/760',
    mmHg: '133.322387415',
    inHg: '3386.388640341',
    psi: '4.4482216152605/0.00064516',
  },
  time: {
    s: '1',
    ms: '0.001',
    us: '1e-6',
    ns: '1e-9',
    min: '60',
    h: '3600',
    d: '86400',
    wk: '604800',
  },
} as const

/** What to add to a temperature before its size applies, so that zero is absolute zero. */
const TO_ABSOLUTE_ZERO: Record<string, string> = { C: '273.15', F: '459.67' }

type Unit = { quantity: string; size: Rational; offset: Rational | undefined }

const units: ReadonlyMap<string, Unit> = new Map(
  Object.entries(SIZES).flatMap(([quantity, sizes]) =>
    Object.entries(sizes).map(([symbol, size]): [string, Unit] => {
      const offset = TO_ABSOLUTE_ZERO[symbol]
      return [
        symbol,
        { quantity, size: parseSize(size), offset: offset ? parseDecimal(offset) : undefined },
      ]
    }),
  ),
)

/** The symbols of all units. */
export const unitSymbols: readonly string[] = [...units.keys()]

/** `value` as asked, `result` in plain decimal notation. */
export type Conversion = {
  value: string
  from: string
  to: string
  quantity: string
  result: string
  exact: boolean
}

/**
 * Converts a decimal between two units of one quantity, in exact fractions. `exact` is false when
 * the result has no finite decimal form and was rounded to 15 significant digits.
 */
export function convert(value: string, from: string, to: string): Conversion {
  const source = unitOf(from)
  const target = unitOf(to)
  if (source.quantity !== target.quantity) {
    throw badInput(
      `"${from}" measures ${source.quantity} and "${to}" ${target.quantity}; they don't convert.`,
    )
  }
  const base = inBase(parseDecimal(value), source)
  if (source.quantity === 'temperature' && base.n < 0n) {
    throw badInput(`${value} ${from} is below absolute zero.`)
  }
  const scaled = dividedBy(base, target.size)
  const { text, exact } = decimalText(target.offset ? minus(scaled, target.offset) : scaled)
  return { value, from, to, quantity: source.quantity, result: text, exact }
}

function inBase(value: Rational, { size, offset }: Unit): Rational {
  return times(offset ? plus(value, offset) : value, size)
}

function unitOf(symbol: string): Unit {
  const unit = units.get(symbol)
  if (!unit) {
    throw badInput(
      `"${symbol.slice(0, 40)}" is not a unit known here (symbols are case-sensitive): ${unitSymbols.join(' ')}`,
    )
  }
  return unit
}

function parseSize(text: string): Rational {
  const [dividend = '', divisor = '1'] = text.split('/')
  return dividedBy(parseDecimal(dividend), parseDecimal(divisor))
}

import { slots } from './slots.ts'
import {
  add,
  addFloat,
  and,
  below,
  type Code,
  floatOf,
  get,
  int,
  loadFloat,
  loadInt,
  loopWhile,
  moduleOf,
  type Routine,
  set,
  shiftLeft,
  shiftRight,
  shiftRightUnsigned,
  storeFloat,
  storeInt,
  subtract,
  timesFloat,
} from './assembler.ts'
import { instantiate, type LinearMemory } from './web-assembly.ts'

/**
 * The loops in which training spends its time, in WebAssembly: three times as fast as the same loops in
 * JavaScript, whose every access to an array checks its bounds. Arguments are addresses in the arena's memory.
 */
export interface Loops {
  /**
   * Splits `count` rows at `order`: those whose bin, turned by `turn`, is below `limit` move to the front of `order`,
   * the others to `spare`, both in their old order. Returns how many went left.
   */
  partition(
    words: number,
    order: number,
    spare: number,
    count: number,
    shift: number,
    turn: number,
    limit: number,
  ): number
  /** The same for those of whose bin, what `mask` leaves of the word, the table of integers says 1; the others have 0. */
  partitionByTable(
    words: number,
    order: number,
    spare: number,
    count: number,
    shift: number,
    mask: number,
    table: number,
  ): number
  /** Writes `(code >>> bits) × unit + constant + low bits of the code, signed` of each row to `ordered`. */
  decode(
    codes: number,
    rows: number,
    ordered: number,
    count: number,
    bits: number,
    rest: number,
    unit: number,
    constant: number,
  ): void
  /** Adds each row's number to its bins of four features. */
  accumulate(words: number, rows: number, ordered: number, count: number, histogram: number): void
}

const words4 = (value: Code): Code => shiftLeft(value, int(2))
const step = (local: number, bytes: number): Code => set(local, add(get(local), int(bytes)))

/** The loop of both partitions, which have two parameters more; `goesOf` leaves 1 for a row that goes left, else 0. */
function partitioned(name: string, goesOf: (bin: Code) => Code): Routine {
  const [words, order, spare, count, shift] = [0, 1, 2, 3, 4] as const
  const [at, end, left, right, row, goes] = [7, 8, 9, 10, 11, 12] as const
  const word = loadInt(add(get(words), words4(get(row))))
  return {
    name,
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    returns: true,
    body: [
      set(at, get(order)),
      set(left, get(order)),
      set(right, get(spare)),
      set(end, add(get(order), words4(get(count)))),
      // Writes the row to both places and moves on only in the right one: no branch to mispredict.
      loopWhile(below(get(at), get(end)), [
        set(row, loadInt(get(at))),
        storeInt(get(left), get(row)),
        storeInt(get(right), get(row)),
        set(goes, words4(goesOf(shiftRightUnsigned(word, get(shift))))),
        set(left, add(get(left), get(goes))),
        set(right, add(get(right), subtract(int(4), get(goes)))),
        step(at, 4),
      ]),
      shiftRightUnsigned(subtract(get(left), get(order)), int(2)),
    ],
  }
}

function partition(): Routine {
  const [turn, limit] = [5, 6] as const
  return partitioned('partition', bin => below(and(add(bin, get(turn)), int(255)), get(limit)))
}

function partitionByTable(): Routine {
  const [mask, table] = [5, 6] as const
  return partitioned('partitionByTable', bin => loadInt(add(get(table), words4(and(bin, get(mask))))))
}

function decode(): Routine {
  const [codes, rows, ordered, count, bits, rest, unit, constant] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const end = 8
  const code = 9
  const curve = timesFloat(floatOf(shiftRightUnsigned(get(code), get(bits))), get(unit))
  const slope = floatOf(shiftRight(shiftLeft(get(code), get(rest)), get(rest)))
  return {
    name: 'decode',
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f64', 'f64'],
    locals: ['i32', 'i32'],
    returns: false,
    body: [
      set(end, add(get(rows), words4(get(count)))),
      loopWhile(below(get(rows), get(end)), [
        set(code, loadInt(add(get(codes), words4(loadInt(get(rows)))))),
        storeFloat(get(ordered), addFloat(addFloat(curve, get(constant)), slope)),
        step(ordered, 8),
        step(rows, 4),
      ]),
    ],
  }
}

function accumulate(): Routine {
  const [words, rows, ordered, count, histogram, end, word, bin, amount] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const
  // The byte of each lane, times the eight bytes of a slot.
  const offsets: Code[] = [
    shiftLeft(and(get(word), int(255)), int(3)),
    ...[5, 13, 21].map(shift => and(shiftRightUnsigned(get(word), int(shift)), int(255 * 8))),
  ]
  return {
    name: 'accumulate',
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'f64'],
    returns: false,
    body: [
      set(end, add(get(rows), words4(get(count)))),
      loopWhile(below(get(rows), get(end)), [
        set(word, loadInt(add(get(words), words4(loadInt(get(rows)))))),
        set(amount, loadFloat(get(ordered))),
        ...offsets.flatMap((offset, lane) => [
          set(bin, add(get(histogram), offset)),
          storeFloat(get(bin), addFloat(loadFloat(get(bin), lane * slots * 8), get(amount)), lane * slots * 8),
        ]),
        step(ordered, 8),
        step(rows, 4),
      ]),
    ],
  }
}

/** The loops over a memory. */
export function loopsOver(memory: LinearMemory): Loops {
  const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
  const bytes = moduleOf([partition(), partitionByTable(), decode(), accumulate()], shared)
  return instantiate(bytes, memory) as Loops
}

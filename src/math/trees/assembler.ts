/**
 * Just enough of WebAssembly's binary format to write a few loops over memory. Every helper returns the bytes of one
 * expression, operands first. Opcodes are those of the core specification, chapter 5.
 */
export type Code = readonly number[]

export type ValueType = 'i32' | 'f64'
const typeCodes: Record<ValueType, number> = { i32: 0x7f, f64: 0x7c }
const nothing = 0x40

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 128 : low)
  } while (rest > 0)
  return bytes
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 127
    const done = (rest >> 7 === 0 && (low & 64) === 0) || (rest >> 7 === -1 && (low & 64) !== 0)
    bytes.push(done ? low : low | 128)
    if (done) return bytes
  }
}

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, opcode]

export const get = (local: number): Code => [0x20, local]
export const set = (local: number, value: Code): Code => [...value, 0x21, local]
export const int = (value: number): Code => [0x41, ...signed(value)]
export const add = binary(0x6a)
export const subtract = binary(0x6b)
export const and = binary(0x71)
export const shiftLeft = binary(0x74)
export const shiftRight = binary(0x75)
export const shiftRightUnsigned = binary(0x76)
/** 1 or 0. */
export const below = binary(0x49)
export const addFloat = binary(0xa0)
export const timesFloat = binary(0xa2)
export const floatOf = (value: Code): Code => [...value, 0xb7]
export const loadInt = (at: Code): Code => [...at, 0x28, 2, 0]
export const storeInt = (at: Code, value: Code): Code => [...at, ...value, 0x36, 2, 0]
export const loadFloat = (at: Code, offset = 0): Code => [...at, 0x2b, 3, ...unsigned(offset)]
export const storeFloat = (at: Code, value: Code, offset = 0): Code => [...at, ...value, 0x39, 3, ...unsigned(offset)]

/** Runs the body while the condition holds, which is tested before each run. */
export function loopWhile(condition: Code, body: readonly Code[]): Code {
  return [...condition, 0x04, nothing, 0x03, nothing, ...body.flat(), ...condition, 0x0d, 0, 0x0b, 0x0b]
}

export interface Routine {
  readonly name: string
  readonly parameters: readonly ValueType[]
  readonly locals: readonly ValueType[]
  /** Leaves an integer when `returns` is set. */
  readonly returns: boolean
  readonly body: readonly Code[]
}

const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(vector(items))]
const text = (value: string): Code => vector(Array.from(value, letter => [letter.charCodeAt(0)]))
const types = (list: readonly ValueType[]): Code => vector(list.map(type => [typeCodes[type]]))

/** Greatest memory of 32-bit addresses, in pages of 64 KiB. */
export const greatestPages = 65_536

/** `\0asm` and version 1. */
const magic: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** A module that imports its memory as `trees.memory` and exports the routines. */
export function moduleOf(routines: readonly Routine[], shared: boolean): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...magic,
    ...section(
      1,
      routines.map(({ parameters, returns }) => [0x60, ...types(parameters), ...types(returns ? ['i32'] : [])]),
    ),
    ...section(2, [[...text('trees'), ...text('memory'), 2, shared ? 3 : 1, 0, ...unsigned(greatestPages)]]),
    ...section(
      3,
      routines.map((_, at) => unsigned(at)),
    ),
    ...section(
      7,
      routines.map(({ name }, at) => [...text(name), 0, ...unsigned(at)]),
    ),
    ...section(
      10,
      routines.map(({ locals, body }) => {
        const declared = vector(locals.map(type => [1, typeCodes[type]]))
        return sized([...declared, ...body.flat(), 0x0b])
      }),
    ),
  ])
}

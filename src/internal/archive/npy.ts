import { MalformedError } from './malformed.ts'

/** An array of NumPy: numbers as float64 (int64 beyond 2^53 rounds), texts as they are. Row-major. */
export interface NpyArray {
  readonly shape: readonly number[]
  readonly values: readonly number[] | readonly string[]
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, at) => bytes[at] === byte)
}

type ReadNumber = (view: DataView, at: number, little: boolean) => number

const readers: Readonly<Record<string, readonly [size: number, read: ReadNumber]>> = {
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i1: [1, (view, at) => view.getInt8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  b1: [1, (view, at) => view.getUint8(at)],
}

/** Reads an .npy file. Arrays of Python objects are pickles inside and are refused. Throws MalformedError. */
export function readNpy(bytes: Uint8Array): NpyArray {
  if (!isNpy(bytes)) throw new MalformedError('it is no NumPy array')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6] ?? 0
  if (version < 1 || version > 3 || bytes.length < 12)
    throw new MalformedError('its NumPy header is cut off or of an unknown version')
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const start = (version === 1 ? 10 : 12) + length
  if (start > bytes.length) throw new MalformedError('its NumPy header is cut off')
  const header = new TextDecoder().decode(bytes.subarray(start - length, start))
  const descr = /'descr':\s*'([<>|=])?([a-zA-Z])(\d*)'/.exec(header)
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1]
  const dims = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1]
  if (!descr || order === undefined || dims === undefined)
    throw new MalformedError('its NumPy header is not understood')
  const [, byteOrder = '|', kind = '', width = ''] = descr
  if (kind === 'O') throw new MalformedError('it holds Python objects, which are pickles')
  const shape = dims.split(',').flatMap(text => (text.trim() === '' ? [] : [Number(text)]))
  if (order === 'True' && shape.filter(size => size > 1).length > 1)
    throw new MalformedError('it is stored column by column (fortran_order)')
  const count = shape.reduce((product, size) => product * size, 1)
  const little = byteOrder !== '>'
  const reader = readers[`${kind}${width}`]
  const size = kind === 'U' ? 4 * Number(width) : reader?.[0]
  if (size === undefined) throw new MalformedError(`its element type ${kind}${width} is not known`)
  if (!(count * size <= bytes.length - start)) throw new MalformedError('it holds fewer values than its shape says')
  const places = Array.from({ length: count }, (_, at) => start + at * size)
  if (reader) return { shape, values: places.map(at => reader[1](view, at, little)) }
  return { shape, values: places.map(at => textAt(view, at, Number(width), little)) }
}

function textAt(view: DataView, from: number, width: number, little: boolean): string {
  let text = ''
  for (let at = from; at < from + 4 * width; at += 4) {
    const point = view.getUint32(at, little)
    if (point === 0) continue
    if (point > 0x10ffff) throw new MalformedError('it holds a text that is not Unicode')
    text += String.fromCodePoint(point)
  }
  return text
}

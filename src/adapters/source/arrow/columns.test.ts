import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as arrow from 'apache-arrow'
import { afterAll, expect, it } from 'vitest'
import { openArrowFile } from './open.ts'

// Values of an Arrow file as the engine takes them, column by column.

const root = mkdtempSync(join(tmpdir(), 'millrace-arrow-columns-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** What a file with these batches of one column is read as: how it is described, and its values, null where there is none. */
async function read(...batches: readonly arrow.Vector[]) {
  const path = join(root, 'a.arrow')
  const [first, ...others] = batches.map(one => new arrow.Table({ x: one }))
  writeFileSync(path, arrow.tableToIPC((first as arrow.Table).concat(...others), 'file'))
  const source = await openArrowFile(path)
  const values: unknown[] = []
  for await (const [column] of source.batches(new Set(['x'])))
    values.push(
      ...Array.from<unknown, unknown>(column?.values ?? [], (value, i) => (column?.nulls?.[i] ? null : value)),
    )
  await source.close()
  return { ...source.columns[0], values }
}
const raw = (type: arrow.DataType, data: ArrayLike<number> | ArrayLike<bigint>): arrow.Vector =>
  new arrow.Vector([arrow.makeData({ type, length: data.length, data } as never)])
const big = (...values: bigint[]) => BigInt64Array.from(values)

it.each<[string, arrow.DataType, BigInt64Array, readonly bigint[]]>([
  ['seconds', new arrow.TimestampSecond(), big(1n, -1n, 0n), [1_000_000n, -1_000_000n, 0n]],
  ['milliseconds', new arrow.TimestampMillisecond(), big(1n, -1n), [1_000n, -1_000n]],
  ['microseconds', new arrow.TimestampMicrosecond(), big(1n, -1n), [1n, -1n]],
  // the whole microsecond before, on either side of 1970
  [
    'nanoseconds',
    new arrow.TimestampNanosecond(),
    big(1_999n, 1_000n, 999n, -1n, -1_000n, -1_001n),
    [1n, 1n, 0n, -1n, -1n, -2n],
  ],
  [
    'seconds too far away to be told',
    new arrow.TimestampSecond(),
    big(2n ** 62n, -(2n ** 62n)),
    [2n ** 63n - 1n, 1n - 2n ** 63n],
  ],
])('times in %s are microseconds', async (_, type, given, values) => {
  expect(await read(raw(type, given))).toMatchObject({ type: 'timestamp', stored: 'local', values })
})

it('times with a zone are instants, dates are their midnight', async () => {
  expect(await read(raw(new arrow.TimestampMicrosecond('Europe/Berlin'), big(5n)))).toMatchObject({
    stored: 'instant',
    values: [5n],
  })
  const day = 86_400_000_000n
  expect(await read(raw(new arrow.DateDay(), Int32Array.of(1, -1, 0)))).toMatchObject({
    type: 'timestamp',
    stored: 'date',
    values: [day, -day, 0n],
  })
  expect(await read(raw(new arrow.DateMillisecond(), big(86_400_000n, -86_400_000n)))).toMatchObject({
    values: [day, -day],
  })
})

it.each<[number, readonly bigint[], string, readonly string[]]>([
  [2, [12_345n, -12_345n, 5n, -5n, 0n], 'float', ['123.45', '-123.45', '0.05', '-0.05', '0.00']],
  [0, [7n, -7n, 2n ** 100n], 'int', ['7', '-7', String(2n ** 100n)]],
  [-2, [7n, -7n], 'int', ['700', '-700']],
])('decimals of scale %i are their digits', async (scale, given, type, values) => {
  const words = Uint32Array.from(
    given.flatMap(value => [0n, 32n, 64n, 96n].map(by => Number(BigInt.asUintN(32, value >> by)))),
  )
  const decimal = new arrow.Decimal(scale, 38, 128)
  const data = arrow.makeData({ type: decimal, length: given.length, data: words } as never)
  expect(await read(new arrow.Vector([data]))).toMatchObject({ type, asText: true, values })
})

it('whole numbers of every width are whole, those that no int64 holds as text', async () => {
  for (const [type, given] of [
    [new arrow.Int8(), Int8Array.of(-128, 127)],
    [new arrow.Uint8(), Uint8Array.of(0, 255)],
    [new arrow.Int16(), Int16Array.of(-32_768, 32_767)],
    [new arrow.Uint32(), Uint32Array.of(0, 2 ** 32 - 1)],
  ] as const)
    expect(await read(raw(type, given)), String(type)).toMatchObject({
      type: 'int',
      values: Array.from(given, BigInt),
    })
  expect(await read(raw(new arrow.Int64(), big(-(2n ** 63n), 2n ** 63n - 1n)))).toMatchObject({
    values: [-(2n ** 63n), 2n ** 63n - 1n],
  })
  expect(await read(raw(new arrow.Uint64(), BigUint64Array.of(2n ** 64n - 1n)))).toMatchObject({
    type: 'int',
    asText: true,
    values: [String(2n ** 64n - 1n)],
  })
})

it('floats, truth values and texts are themselves, nothing is null', async () => {
  const of = (values: unknown[], type: arrow.DataType) => read(arrow.vectorFromArray(values as never[], type as never))
  expect(await of([1.5, null, -0.25], new arrow.Float64())).toMatchObject({ type: 'float', values: [1.5, null, -0.25] })
  expect(await of([0.1], new arrow.Float32())).toMatchObject({ values: [Math.fround(0.1)] })
  expect(await of([true, null, false], new arrow.Bool())).toMatchObject({ type: 'bool', values: [1, null, 0] })
  expect(await of(['ö', null, ''], new arrow.Utf8())).toMatchObject({ type: 'text', values: ['ö', null, ''] })
  expect(await of([null, null], new arrow.Null())).toMatchObject({ stored: 'nothing', values: [null, null] })
})

it('what stands in a dictionary is spread, whatever it is of', async () => {
  const of = async (type: arrow.DataType, ...values: unknown[]) =>
    (await read(arrow.vectorFromArray(values as never[], new arrow.Dictionary(type, new arrow.Int32()) as never)))
      .values
  expect(await of(new arrow.Utf8(), 'b', 'a', null, 'b')).toEqual(['b', 'a', null, 'b'])
  expect(await of(new arrow.Float64(), 2.5, null, 2.5)).toEqual([2.5, null, 2.5])
  expect(await of(new arrow.Int32(), 7, 3, 7)).toEqual([7n, 3n, 7n])
  expect(await of(new arrow.Bool(), true, null, false)).toEqual([1, null, 0])
})

it('batches follow one another, with their own nulls', async () => {
  const of = (...values: (number | null)[]) => arrow.vectorFromArray(values, new arrow.Float64())
  expect((await read(of(1, 2), of(null, 4), of(5))).values).toEqual([1, 2, null, 4, 5])
})

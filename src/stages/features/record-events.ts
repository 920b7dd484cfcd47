import type { Column, ColumnType, Dialect, Value } from '../../ports/data-engine.ts'
import { versionColumns, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { encodeKey, rowNumberOf } from '../log/keys.ts'
import { channelSql, channelText, eventMicros, keyPresentSql, keySql, visibleSql, type ViewPlan } from './channels.ts'
import type { EventVersion, VersionBlock } from './entity-window.ts'
import { channelsInWord, isTold, toldWords } from './row-versions.ts'

type Batch = ReadonlyMap<string, Column>

const columnIn = (batch: Batch, name: string): Column => {
  const column = batch.get(name)
  if (!column) throw new TypeError(`the query has no column ${name}`)
  return column
}

const valueAt = (column: Column, at: number): Value => (column.nulls?.[at] ? null : (column.values[at] as Value))

/** A column of doubles as it is, of which null is NaN. */
const numbersIn = (batch: Batch, name: string): Float64Array => columnIn(batch, name).values as Float64Array

/** Makes a key of the columns of its parts, as `keySql` gives them; undefined where one of them is no key. */
function keyReader(parts: readonly Column[], types: readonly ColumnType[]): (at: number) => string | undefined {
  const read = types.map(type => (type === 'float' ? 'float' : 'text'))
  return at =>
    encodeKey(
      parts.map(column => valueAt(column, at)),
      read,
    )
}

/** Bytes of rows that are sorted at a time. */
const maxPartBytes = 400_000_000

/** Rows that are sorted at a time, each with a number a channel, its key, its times and its places. */
export const rowsOfPart = ({ channels, keys }: ViewPlan): number =>
  Math.floor(maxPartBytes / (8 * (channels.length + keys.length + 6)))

/**
 * The versions of rows that online records are made of, as one narrow row each: times that channels share are sent once, and
 * what is the same for every row of a dataset without a log is not sent.
 */
export class RecordEvents {
  readonly #plan: ViewPlan
  readonly #isVersioned: boolean
  /** The different times from which channels count, as SQL, besides that of the event; and by channel which is its own. */
  readonly #visible: readonly string[]
  readonly #visibleOf: readonly number[]
  /** SELECT of the versions. */
  readonly sql: string
  /** Names of the columns with the parts of an entity's key. */
  readonly entity: readonly string[]
  /** What versions of one entity are ordered by. */
  readonly order: readonly string[]

  constructor(plan: ViewPlan, rows: DatasetRows, dialect: Dialect) {
    const { key, columns: declared } = plan.view.from
    const { place, row, known, gone } = versionColumns
    const isVersioned = rows.versions !== undefined
    this.#plan = plan
    this.#isVersioned = isVersioned
    this.entity = plan.keys.map((_, i) => `millrace_entity${i}`)
    this.order = ['millrace_event', ...(isVersioned ? [place] : []), 'millrace_seq']
    const own = plan.channels.map((channel, c) => (plan.declares[c] ? visibleSql(plan, channel, dialect) : undefined))
    this.#visible = [...new Set(own.filter(sql => sql !== undefined))]
    this.#visibleOf = own.map(sql => (sql === undefined ? -1 : this.#visible.indexOf(sql)))
    const there = (sql: string, otherwise: string): string =>
      isVersioned ? `CASE WHEN ${gone} THEN ${otherwise} ELSE ${sql} END` : sql
    const values = plan.channels.map((channel, c) => {
      if (channel.isText) return there(channelText(channel, dialect), 'NULL')
      // Channel 0 has a value wherever the row is there
      if (c === 0 && !isVersioned) return undefined
      return there(channelSql(plan, channel, dialect).value, "'NaN'::DOUBLE")
    })
    const rowTypes = key.map(name => declared[name]?.type ?? 'text')
    const event = `CAST(${eventMicros(plan, dialect)} AS DOUBLE)`
    const columns = [
      ...keySql(plan.keys, plan.keyTypes, dialect).map((sql, i) => `${sql} AS ${this.entity[i]}`),
      ...keySql(key, rowTypes, dialect).map((sql, i) => `${sql} AS millrace_key${i}`),
      'millrace_seq',
      `${event} AS millrace_event`,
      ...(isVersioned
        ? [`CAST(${place} AS DOUBLE) AS ${place}`, row, `coalesce(${known}, '-infinity'::DOUBLE) AS ${known}`]
        : []),
      ...values.flatMap((sql, c) => (sql === undefined ? [] : [`${sql} AS millrace_value${c}`])),
      ...toldSql(plan, isVersioned, dialect).map((sql, w) => `${sql} AS millrace_told${w}`),
      ...this.#visible.map((sql, v) => `${sql} AS millrace_visible${v}`),
    ]
    this.sql = `SELECT ${columns.join(', ')} FROM (${versionsSql(rows)}) WHERE ${keyPresentSql(plan, dialect)} AND ${event} IS NOT NULL`
  }

  /** Which entity each row of a batch is of. */
  entities(batch: Batch): (at: number) => string {
    return keyReader(
      this.entity.map(name => columnIn(batch, name)),
      this.#plan.keyTypes,
    ) as (at: number) => string
  }

  /** Places in a batch where rows of another entity begin, and its end. */
  bounds(batch: Batch): readonly number[] {
    const parts = this.entity.map(name => words(columnIn(batch, name).values))
    const { length } = columnIn(batch, 'millrace_event').values
    const found: number[] = []
    for (let at = 0; at < length; at++) if (at === 0 || parts.some(part => isOther(part, at))) found.push(at)
    return [...found, length]
  }

  /** The versions of a batch, in their order. */
  block(batch: Batch): VersionBlock {
    const { channels, declares } = this.#plan
    const event = numbersIn(batch, 'millrace_event')
    const { length } = event
    const filled = (value: number): Float64Array => new Float64Array(length).fill(value)
    const told = Array.from({ length: toldWords(channels.length) }, (_, w) =>
      batch.has(`millrace_told${w}`) ? numbersIn(batch, `millrace_told${w}`) : filled(0),
    )
    const value = channels.map(({ isText }, c): Float64Array | readonly (string | number)[] => {
      if (!batch.has(`millrace_value${c}`)) return filled(0)
      if (!isText) return numbersIn(batch, `millrace_value${c}`)
      const texts = columnIn(batch, `millrace_value${c}`)
      return Array.from({ length }, (_, at) => (texts.nulls?.[at] ? Number.NaN : (texts.values[at] as string)))
    })
    const atOnce = event.map(time => time + 1)
    const declared = channels.map((_, c) => {
      if (!declares[c]) return atOnce
      const visible = numbersIn(batch, `millrace_visible${this.#visibleOf[c]}`)
      const values = value[c] as ArrayLike<string | number>
      // A version that neither has a value nor tells that there is none counts from its event on
      const lacks = values instanceof Float64Array ? values.some(Number.isNaN) : true
      if (!lacks) return visible
      return visible.map((time, at) =>
        Number.isNaN(values[at]) && !isTold(told, c, at) ? (atOnce[at] as number) : time,
      )
    })
    return {
      event,
      row: this.#rows(batch, length),
      seq: this.#isVersioned ? numbersIn(batch, versionColumns.place) : filled(0),
      known: this.#isVersioned ? numbersIn(batch, versionColumns.known) : filled(Number.NEGATIVE_INFINITY),
      value,
      declared,
      told,
    }
  }

  /** Numbers of the rows of a dataset with a key; else each row is its own. */
  #rows(batch: Batch, length: number): Float64Array {
    const { key, columns } = this.#plan.view.from
    if (key.length === 0) return new Float64Array(length).fill(Number.NaN)
    const read = keyReader(
      key.map((_, i) => columnIn(batch, `millrace_key${i}`)),
      key.map(name => columns[name]?.type ?? 'text'),
    )
    return Float64Array.from({ length }, (_, at) => {
      const text = read(at)
      return text === undefined ? Number.NaN : rowNumberOf(text)
    })
  }
}

/** Which channels a row told, in words of 32 bits; nothing where no known time is declared. */
function toldSql({ channels }: ViewPlan, isVersioned: boolean, dialect: Dialect): readonly string[] {
  if (channels.every(({ told }) => told.length === 0)) return []
  return Array.from({ length: toldWords(channels.length) }, (_, w) => {
    // Channels of the same columns are told together
    const bits = new Map<string, number>()
    for (const [c, { told }] of channels.entries()) {
      if (told.length === 0 || Math.floor(c / channelsInWord) !== w) continue
      const condition = told.map(name => `${dialect.identifier(name)} IS NOT NULL`).join(' AND ')
      bits.set(condition, (bits.get(condition) ?? 0) + 2 ** (c % channelsInWord))
    }
    const sum = [...bits].map(([condition, bit]) => `CASE WHEN ${condition} THEN ${bit}::DOUBLE ELSE 0::DOUBLE END`)
    const all = sum.join(' + ') || '0::DOUBLE'
    return isVersioned ? `CASE WHEN ${versionColumns.gone} THEN 0::DOUBLE ELSE ${all} END` : all
  })
}

/** Values as words that are compared without making a bigint of each. */
type Words = { readonly of: ArrayLike<number | string>; readonly each: 1 | 2 }

const words = (values: Column['values']): Words =>
  values instanceof BigInt64Array
    ? { of: new Int32Array(values.buffer, values.byteOffset, values.length * 2), each: 2 }
    : { of: values, each: 1 }

const isOther = ({ of, each }: Words, at: number): boolean =>
  each === 1 ? of[at] !== of[at - 1] : of[2 * at] !== of[2 * at - 2] || of[2 * at + 1] !== of[2 * at - 1]

/** One version of a block. */
export function versionOf(block: VersionBlock, at: number): EventVersion {
  return {
    event: block.event[at] as number,
    row: block.row[at] as number,
    seq: block.seq[at] as number,
    known: block.known[at] as number,
    values: block.value.map(column => column[at] as number | string),
    declared: block.declared.map(column => column[at] as number),
    told: block.value.map((_, c) => isTold(block.told, c, at)),
  }
}

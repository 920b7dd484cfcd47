/**
 * Versions of rows: what the log of a dataset says of one row, one after another. A version counts from when it was known
 * until the next one is. The rules, which `countedSql` in `version-sql.ts` says in SQL:
 *
 * - Versions of a row stand in the order (known, seq). The first one counts from its declared known time; a later one not
 *   before it was known.
 * - A value for which the dataset declares when it is known counts from then on, however late it arrived, as long as no
 *   version before had told it and the row was there, of the same entity and time: it is told late, not corrected. But not
 *   before the version before was known. It is told by a row that has the columns whose known times are declared, whatever is
 *   made of them: 'no, it was not late' is an answer, and 'yes' after it a correction.
 * - Several rows of one key in a file are several rows, until a version of the log follows them all.
 * - Of a row that was taken back no value is left. A version that neither has a value nor tells that there is none counts, as having
 *   none, from when it was known: nothing is there to become known later. 'No' counts from when it is declared to be known, as 'yes' does.
 */
export interface VersionColumns {
  readonly event: Float64Array
  /** Which row it is; NaN where rows have no identity, so that each is its own. */
  readonly row: Float64Array
  readonly seq: Float64Array
  /** −Infinity where only the declaration says when it was known. */
  readonly known: Float64Array
  /** By channel: NaN where there is no value. Of channel 0 every version has one whose row is there. */
  readonly value: readonly Float64Array[]
  /** By channel: from when the value, or that there is none, counts by declaration. */
  readonly declared: readonly Float64Array[]
  /** Which channels the row told, in words of 32 bits: `isTold`. */
  readonly told: readonly Float64Array[]
}

/** Whether a row told a channel is one bit of a word. */
export const channelsInWord = 32

/** How many words say which of so many channels a row told. */
export const toldWords = (channels: number): number => Math.ceil(channels / channelsInWord)

/** The words of one version. */
export function toldBits(told: ArrayLike<boolean>): number[] {
  const words = Array.from({ length: toldWords(told.length) }, () => 0)
  for (let c = 0; c < told.length; c++) {
    const word = Math.floor(c / channelsInWord)
    if (told[c]) words[word] = ((words[word] as number) | (1 << (c % channelsInWord))) >>> 0
  }
  return words
}

export const isTold = (told: readonly Float64Array[], channel: number, at: number): boolean =>
  (((told[Math.floor(channel / channelsInWord)] as Float64Array)[at] as number) & (1 << (channel % channelsInWord))) !==
  0

/** By channel, from when (inclusive) until when (exclusive) each version counts. */
export interface Spans {
  readonly from: readonly Float64Array[]
  /** Undefined where no row has more than one version: they all count for ever. */
  readonly until: readonly Float64Array[] | undefined
}

/** Rows that have more than one version among the first `length`, with the places of these in their order. */
function severalVersions({ row, known, seq }: VersionColumns, length: number): number[][] {
  const places = new Map<number, number[]>()
  for (let i = 0; i < length; i++) {
    const id = row[i] as number
    if (Number.isNaN(id)) continue
    const found = places.get(id)
    if (found) found.push(i)
    else places.set(id, [i])
  }
  const compare = (a: number, b: number, column: Float64Array): number => {
    const [x, y] = [column[a] as number, column[b] as number]
    return x < y ? -1 : x > y ? 1 : 0
  }
  return [...places.values()]
    .filter(list => list.length > 1)
    .map(list => list.sort((a, b) => compare(a, b, known) || compare(a, b, seq) || a - b))
}

/** `declares`: by channel whether the dataset says when its values are known. */
export function spansOfVersions(versions: VersionColumns, length: number, declares: readonly boolean[]): Spans {
  const { event, known, seq, value, declared, told } = versions
  if (
    known.subarray(0, length).every(time => time === Number.NEGATIVE_INFINITY) &&
    seq.subarray(0, length).every(one => one === 0)
  )
    return { from: declared, until: undefined }
  const from = declared.map(column => {
    const times = column.slice(0, length)
    for (let i = 0; i < length; i++)
      times[i] = Math.max(times[i] as number, (event[i] as number) + 1, known[i] as number)
    return times
  })
  const groups = severalVersions(versions, length)
  if (groups.length === 0) return { from, until: undefined }
  const until = declared.map(() => new Float64Array(length).fill(Number.POSITIVE_INFINITY))
  for (const group of groups)
    for (const [c, starts] of from.entries()) {
      let given = false
      for (const [nth, i] of group.entries()) {
        const before = group[nth - 1]
        const isThere = before !== undefined && !Number.isNaN((value[0] as Float64Array)[before] as number)
        if (isThere && declares[c] && !given && event[before] === event[i])
          starts[i] = Math.max(
            (declared[c] as Float64Array)[i] as number,
            (event[i] as number) + 1,
            known[before] as number,
          )
        if (isTold(told, c, i)) given = true
      }
      let next = Number.POSITIVE_INFINITY
      for (const i of group.toReversed()) {
        ;(until[c] as Float64Array)[i] = next
        if ((seq[i] as number) > 0) next = Math.min(next, starts[i] as number)
      }
    }
  return { from, until }
}

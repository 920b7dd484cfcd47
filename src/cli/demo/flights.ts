import type { DataEngine } from '../../ports/data-engine.ts'
import type { PushedRow } from '../../stages/features/online.ts'

const hour = 3_600_000_000

/** One hour of flights in order of departure. */
export interface FlightHour {
  /** Start of the hour, microseconds. */
  readonly from: number
  readonly rows: readonly PushedRow[]
  /** Departure, microseconds. */
  readonly at: Float64Array
  /** 1 when more than 15 minutes late. */
  readonly late: Uint8Array
  /** When the flight had landed and its delay was known. */
  readonly known: Float64Array
}

/** Reads flights in order of time, hour by hour. `relation` is a SELECT of the dataset's columns and `millrace_seq`. */
export async function* flightHours(
  engine: DataEngine,
  relation: string,
  from: number,
  to: number,
): AsyncIterable<FlightHour> {
  const sql = `SELECT CAST(epoch_us(date) AS DOUBLE) AS moment, CAST(delay AS DOUBLE) AS delay, CAST(distance AS DOUBLE) AS distance, origin, destination
    FROM (${relation}) WHERE epoch_us(date) >= ${from} AND epoch_us(date) < ${to} ORDER BY date, millrace_seq`
  let open: { from: number; rows: PushedRow[]; at: number[]; late: number[]; known: number[] } | undefined
  const done = (part: NonNullable<typeof open>): FlightHour => ({
    from: part.from,
    rows: part.rows,
    at: Float64Array.from(part.at),
    late: Uint8Array.from(part.late),
    known: Float64Array.from(part.known),
  })
  for await (const batch of engine.stream(sql)) {
    const moment = batch.get('moment')?.values as Float64Array
    const delay = batch.get('delay')?.values as Float64Array
    const distance = batch.get('distance')?.values as Float64Array
    const origin = batch.get('origin')?.values as readonly string[]
    const destination = batch.get('destination')?.values as readonly string[]
    for (let i = 0; i < moment.length; i++) {
      const at = moment[i] as number
      const start = Math.floor(at / hour) * hour
      if (open && open.from !== start) {
        yield done(open)
        open = undefined
      }
      open ??= { from: start, rows: [], at: [], late: [], known: [] }
      const late = delay[i] as number
      open.rows.push({
        date: at,
        delay: late,
        distance: distance[i] as number,
        origin: origin[i] as string,
        destination: destination[i] as string,
      })
      open.at.push(at)
      open.late.push(late > 15 ? 1 : 0)
      open.known.push(at + ((distance[i] as number) / 7.5 + 30 + late) * 60_000_000)
    }
  }
  if (open) yield done(open)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapters } from '../config/resolve.ts'
import { seeded } from '../math/random/seeded.ts'
import type { Task } from '../math/task.ts'
import type { Column } from '../ports/data-engine.ts'
import type { TrainingFrame, TrainingRequest } from '../ports/trainer.ts'
import { openFrame } from '../stages/train/read-frame.ts'

/** What a trainer is asked for in the cases of the contract, but for the trainer itself. */
export type ContractRequest = Omit<TrainingRequest, 'trainer'>

const trainRows = 240
const rows = 320
export const contractInputs = [
  { name: 'km', type: 'float' },
  { name: 'rush', type: 'bool' },
  { name: 'zone', type: 'text' },
] as const
const zones = ['north', 'south', 'east', '']
const classNames = ['early', 'late', 'on time']

/** The truth of a row: it follows what is known of it, with some chance. */
function truthOf(task: Task, margin: number, draw: number): number {
  switch (task) {
    case 'binary':
      return draw < 1 / (1 + Math.exp(-margin)) ? 1 : 0
    case 'multiclass':
      return margin + 2 * (draw - 0.5) < -1 ? 0 : margin + 2 * (draw - 0.5) > 1 ? 1 : 2
    case 'count':
      return Math.max(0, Math.round(Math.exp(margin / 2) + 2 * draw))
    default:
      return 100 * margin + 20 * draw
  }
}

export interface FrameOptions {
  readonly task: Task
  /** Labels of the held-out rows are others than those that they have. */
  readonly strangeTruths?: boolean
  /** All rows have the same label. */
  readonly oneLabel?: boolean
}

/** Numbers, truth values and texts, some of each missing, with labels that follow them. */
function columnsOf({ task, strangeTruths, oneLabel }: FrameOptions): readonly Column[] {
  const random = seeded(7)
  const made = Array.from({ length: rows }, (_, row) => {
    const km = random.next() * 40
    const rush = random.next() < 0.3
    const zone = zones[random.below(zones.length)] as string
    const held = row >= trainRows
    const truth = truthOf(task, (km - 20) / 4 + (rush ? 1 : 0) + (zone === 'north' ? 1 : 0), random.next())
    const label = oneLabel ? 1 : held && strangeTruths ? (task === 'multiclass' ? row % 3 : row % 2) : truth
    return { km: row % 23 === 5 ? Number.NaN : km, rush, zone, held, label }
  })
  const numbers = (value: (one: (typeof made)[number]) => number): Float64Array => Float64Array.from(made, value)
  return [
    { name: 'millrace_split', type: 'text', values: made.map(one => (one.held ? 'test' : 'train')) },
    { name: 'millrace_label', type: 'float', values: numbers(one => one.label) },
    ...(task === 'multiclass'
      ? [{ name: 'millrace_class', type: 'text' as const, values: made.map(one => classNames[one.label] as string) }]
      : []),
    { name: 'km', type: 'float', values: numbers(one => one.km) },
    { name: 'rush', type: 'float', values: numbers(one => Number(one.rush)) },
    { name: 'zone', type: 'text', values: made.map(one => one.zone) },
  ]
}

/** What the request hears of what a trainer tells. */
export interface Heard {
  readonly fractions: number[]
  readonly metrics: [string, number][]
}

/** A request on a frame of its own, with what it hears; everything that it made is gone when `use` ends. */
export async function withRequest<T>(
  options: FrameOptions,
  use: (request: ContractRequest, heard: Heard, stop: AbortController) => Promise<T>,
): Promise<T> {
  const { task } = options
  const root = await mkdtemp(join(tmpdir(), 'millrace-trainer-'))
  const engine = await (await adapters.data.duckdb()).openDuckdb()
  try {
    await engine.load('frame', columnsOf(options))
    const path = join(root, 'frame.parquet')
    await engine.writeParquet('SELECT * FROM frame', path)
    const frame: TrainingFrame = openFrame(engine, path, contractInputs)
    const heard: Heard = { fractions: [], metrics: [] }
    const stop = new AbortController()
    let folders = 0
    const request: ContractRequest = {
      model: 'contract',
      task,
      classes: task === 'multiclass' ? classNames : [],
      ...(task === 'quantile' ? { quantile: 0.8 } : {}),
      inputs: contractInputs,
      scale: 'standard',
      threshold: 0.5,
      seed: 3,
      frame,
      signal: stop.signal,
      folder: () => mkdtemp(join(root, `step-${++folders}-`)),
      progress: fraction => void heard.fractions.push(fraction),
      metric: (key, value) => void heard.metrics.push([key, value]),
    }
    return await use(request, heard, stop)
  } finally {
    await engine.close()
    await rm(root, { recursive: true, force: true })
  }
}

// What keeping a row over a restart costs (claim: not measurable beside answering it), and how long a restart takes to
// take the rows up again. CPU of the whole process: what the flushes cost is in it.
//   node --import jiti/register bench/journal.ts
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/adapters/clock/system.ts'
import type { Json } from '../src/internal/canonical-json.ts'
import { ulid } from '../src/internal/ids.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { type Keeper, ServingJournal } from '../src/stages/serve/journal.ts'
import { LabelPairs } from '../src/stages/serve/label-pairs.ts'
import { buildProfile, type ProfileColumn } from '../src/stages/windows/build-profile.ts'
import { OpenWindow, type WindowChange } from '../src/stages/watch/open-window.ts'

const width = 50
const rows = 400_000
const random = seeded(1)
const features = Float32Array.from({ length: 20_000 * width }, () => random.normal())
const scores = Float32Array.from({ length: 20_000 }, () => random.next())
const columns: ProfileColumn[] = Array.from({ length: width }, (_, c) => ({
  name: `f${c}`,
  kind: 'number',
  values: Float32Array.from(scores, (_score, row) => features[row * width + c] as number),
}))
const profile = buildProfile({ columns, scores })
const ids = Array.from({ length: rows }, () => ulid())

class Memory implements Keeper {
  readonly keeps = 'memory'
  window = new OpenWindow(profile, 0, true)
  readonly pairs = new LabelPairs('binary', 1e12)
  capture = (whole: boolean): Json => this.window.capture(whole) as unknown as Json
  takeBack(state: Json): void {
    const change = state as unknown as WindowChange
    if (change.fresh) this.window = new OpenWindow(profile, change.from, change.partial)
    this.window.add(change)
  }
  recall: Keeper['recall'] = ({ id, at, stable, canary, epoch }) => this.pairs.recall(id, at, stable, canary, epoch)
  recallLabel: Keeper['recallLabel'] = (id, label) => void this.pairs.label(id, label)
  stored = async (): Promise<void> => undefined
}

async function serve(journal: ServingJournal | undefined, memory: Memory): Promise<number> {
  const before = process.cpuUsage()
  for (let row = 0; row < rows; row++) {
    const at = row % 20_000
    memory.window.rows.add(features, at * width, undefined, scores[at] as number)
    memory.pairs.remember(ids[row] as string, row, scores[at] as number, Number.NaN, 0)
    journal?.prediction(ids[row] as string, row, scores[at] as number, Number.NaN, 0)
    // requests come one after another: what waits for the disk goes on between them
    if (row % 50 === 49) await new Promise(done => setImmediate(done))
  }
  await journal?.flush()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rows
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const options = {
  clock: systemClock(),
  retention: 1e15,
  onError(error: unknown) {
    throw error
  },
}
for (const round of [1, 2]) {
  const plain = await serve(undefined, new Memory())
  const kept = new Memory()
  const journal = await ServingJournal.open(join(folder, String(round)), [kept], options)
  const keeping = await serve(journal, kept)
  await journal.close()
  if (round === 1) continue
  console.log(
    `count and remember one row of ${width} columns: ${plain.toFixed(2)} µs CPU, kept over a restart ${keeping.toFixed(2)} µs`,
  )
  const start = performance.now()
  const again = new Memory()
  await (await ServingJournal.open(join(folder, String(round)), [again], options)).close()
  console.log(`take ${rows.toLocaleString('en-US')} rows up again: ${(performance.now() - start).toFixed(0)} ms`)
  if (again.window.rows.rows !== rows) throw new Error('rows were lost')
}
await rm(folder, { recursive: true })

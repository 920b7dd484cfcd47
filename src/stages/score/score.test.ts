import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import {
  afterRides,
  hour,
  madeRides,
  type Ride,
  type Trained,
  trainedProject,
} from '../../../test/support/trained-project.ts'
import { digestFile } from '../../internal/digest.ts'
import { takeFileLock, type HeldLock } from '../../internal/file-lock.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { manifestName, type ScoreManifest } from './manifest.ts'
import { scoreFiles, type ScoreOptions } from './score.ts'

// Files of rows scored with real versions: what a served request is answered is the oracle, and what stands in the folder is
// what another call goes on from.

let trained: Trained
let engine: DataEngine
let fare: ModelVersion
let late: ModelVersion
const root = mkdtempSync(join(tmpdir(), 'millrace-score-stage-'))
beforeAll(async () => {
  trained = await trainedProject()
  const { store } = trained.workspace
  engine = await trained.workspace.engine()
  fare = (await store.getModelVersion('fare', trained.fare)) as ModelVersion
  late = (await store.getModelVersion('late', trained.versions.good)) as ModelVersion
})
afterAll(async () => {
  await trained.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

let places = 0
const place = (end = ''): string => join(root, `p${places++}${end}`)
const time = (at: number): string => new Date(at / 1000).toISOString().slice(0, 19)
const written = (rides: readonly Partial<Ride>[], path = place('.csv')): string => {
  const names = Object.keys(rides[0] ?? {}) as (keyof Ride)[]
  const cell = (ride: Partial<Ride>, name: keyof Ride) => (name === 'at' ? time(ride.at as number) : String(ride[name]))
  const lines = rides.map(ride => names.map(name => cell(ride, name)).join(','))
  writeFileSync(path, `${[names.join(','), ...lines].join('\n')}\n`)
  return path
}
const plain = (from: number, count: number) =>
  madeRides.slice(from, from + count).map(({ km, zone }) => ({ km: km + 0.3, zone }))
const score = (record: ModelVersion, options: ScoreOptions, over = {}) =>
  // threads of its own take longer to begin than these few rows
  scoreFiles({ ...trained.workspace, batchRuntime: trained.workspace.runtime, ...over }, record, options)
const read = (...path: string[]): Promise<readonly Row[]> =>
  engine.rows(`SELECT * FROM read_parquet('${join(...path)}') ORDER BY "row"`)
const scoresOf = async (...path: string[]) => (await read(...path)).map(row => row.score)
const manifestOf = (out: string) => JSON.parse(readFileSync(join(out, manifestName), 'utf8')) as ScoreManifest
const change = (out: string, over: Partial<ScoreManifest>): void =>
  writeFileSync(join(out, manifestName), JSON.stringify({ ...manifestOf(out), ...over }))

describe('files of rows', () => {
  it('become one file, in the order in which they were named, with what a request is answered', async () => {
    const [a, b] = [written(plain(0, 30)), written(plain(100, 20))]
    const out = place('.parquet')
    const told: number[] = []
    const scored = await score(fare, { files: [b, a], out, keep: ['zone'], told: rows => told.push(rows) })
    expect(scored).toMatchObject({ version: `fare@${fare.version}`, rows: 50, reused: 0 })
    expect(scored.files).toEqual([{ name: out.slice(root.length + 1), rows: 50, ...(await digestFile(out)) }])
    expect(told).toEqual([20, 50])
    const live = (await trained.serve(trained.fares('fares').project)).get('fares')
    await live?.deploy(fare.version, 'test')
    const rows = [...plain(100, 20), ...plain(0, 30)]
    const answers = await live?.predict(rows.map(row => ({ row })))
    const found = await engine.rows(`SELECT * FROM read_parquet('${out}')`)
    expect(found.map(row => [row.row, row.zone, row.score])).toEqual(
      rows.map((row, i) => [i < 20 ? i : i - 20, row.zone, answers?.[i]?.score]),
    )
    expect(new Set(found.slice(0, 20).map(row => row.file)).size).toBe(1)
    expect(found[0]?.file).not.toBe(found[20]?.file)
    // nothing of the parts is left
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it('become a part each in a folder, which says so', async () => {
    const files = [written(plain(0, 3)), written(plain(3, 4))]
    const out = place()
    const scored = await score(fare, { files, out })
    expect(scored.files.map(one => [one.name, one.rows])).toEqual([
      ['part-00000.parquet', 3],
      ['part-00001.parquet', 4],
    ])
    expect(manifestOf(out)).toMatchObject({
      format: 1,
      run: scored.run,
      now: trained.clock.now(),
      inputsDone: 2,
      finished: true,
      task: { model: 'fare', version: fare.version, digest: fare.digest, keep: [], at: null },
      parts: [
        { input: 0, from: 0, until: 3, rows: 3 },
        { input: 1, from: 0, until: 4, rows: 4 },
      ],
    })
    expect(await trained.workspace.store.getRun(scored.run)).toMatchObject({ status: 'succeeded', trigger: 'manual' })
  })

  it('say what started them', async () => {
    const { run } = await score(fare, { files: [written(plain(0, 1))], out: place(), trigger: 'schedule' })
    expect((await trained.workspace.store.getRun(run))?.trigger).toBe('schedule')
  })

  it('are those that are named: a name with a star is one file', async () => {
    const [one, other] = [place('-a*.csv'), place('-ab.csv')]
    writeFileSync(one, readFileSync(written(plain(0, 2))))
    writeFileSync(other, readFileSync(written(plain(0, 3))))
    expect((await score(fare, { files: [one], out: place() })).rows).toBe(2)
    const pattern = join(root, '*-ab.csv')
    await expect(score(fare, { files: [pattern], out: place() })).rejects.toMatchObject({
      code: 'MR2002',
      details: { reason: 'it does not exist' },
    })
  })
})

describe('the moment of a row', () => {
  const past = madeRides.slice(300, 320)

  it('is that of its event, with what was known of its features then', async () => {
    const out = place('.parquet')
    await score(late, { files: [written(past.map(({ at, zone, km }) => ({ at, zone, km })))], out })
    const live = await trained.live('lates')
    const answers = await live.predict(past.map(({ at, zone, km }) => ({ row: { at, zone, km }, at })))
    const found = await read(out)
    expect(found.map(row => [row.score, row.label])).toEqual(answers.map(one => [one.score, one.label]))
    expect(new Set(found.map(row => row.label)).size).toBe(2)
  })
})

describe('a call that comes again', () => {
  const begun = async () => {
    const files = [written(plain(0, 40)), written(plain(40, 10))]
    const out = place()
    const scored = await score(fare, { files, out })
    return {
      files,
      out,
      scored,
      scores: [await scoresOf(out, 'part-00000.parquet'), await scoresOf(out, 'part-00001.parquet')],
    }
  }

  it('scores nothing where everything is there', async () => {
    const { files, out, scored } = await begun()
    await trained.clock.advance(1000)
    const { runtime, open } = faultyRuntime(trained.workspace.runtime)
    const again = await score(fare, { files, out }, { batchRuntime: runtime, runtime })
    expect(again).toEqual({ ...scored, reused: 50 })
    expect(open).toEqual([])
  })

  it.each([
    ['the first is damaged', 0, 'torn', 0],
    ['the second is damaged', 1, 'torn', 40],
    ['the second is gone', 1, undefined, 40],
  ] as const)('scores what is missing where a part is not as it was: %s', async (_, part, text, reused) => {
    const { files, out, scored, scores } = await begun()
    const path = join(out, `part-0000${part}.parquet`)
    if (text === undefined) rmSync(path)
    else writeFileSync(path, text)
    const again = await score(fare, { files, out })
    expect(again).toEqual({ ...scored, reused })
    expect([await scoresOf(out, 'part-00000.parquet'), await scoresOf(out, 'part-00001.parquet')]).toEqual(scores)
    expect(manifestOf(out)).toMatchObject({ inputsDone: 2, finished: true })
  })

  it('goes on within a file after the last row that is in a part', async () => {
    const { files, out, scored, scores } = await begun()
    // as if it had been cut off after 15 rows of the first
    const first = join(out, 'part-00000.parquet')
    await engine.writeParquet(`SELECT * FROM read_parquet('${first}') WHERE "row" < 15`, `${first}.new`)
    writeFileSync(first, readFileSync(`${first}.new`))
    rmSync(`${first}.new`)
    const part = { name: 'part-00000.parquet', input: 0, from: 0, until: 15, rows: 15, ...(await digestFile(first)) }
    change(out, { parts: [part], inputsDone: 0, finished: false })
    const told: number[] = []
    const again = await score(fare, { files, out, told: rows => told.push(rows) })
    expect(again).toMatchObject({ run: scored.run, rows: 50, reused: 15 })
    expect(told).toEqual([40, 50])
    expect(again.files.map(one => one.rows)).toEqual([15, 25, 10])
    const all = await Promise.all(again.files.map(one => read(out, one.name)))
    expect(all.flat().map(row => row.row)).toEqual([...Array(40).keys(), ...Array(10).keys()])
    expect(all.flat().map(row => row.score)).toEqual(scores.flat())
  })

  it('is refused for other inputs, and leaves what is there', async () => {
    const { files, out } = await begun()
    const before = readFileSync(join(out, manifestName), 'utf8')
    writeFileSync(files[1] as string, readFileSync(files[0] as string))
    await expect(score(fare, { files, out, shown: 'july' })).rejects.toMatchObject({
      code: 'MR4113',
      details: { out: 'july', reason: 'holds scores of other inputs, or of these as they were before' },
    })
    expect(readFileSync(join(out, manifestName), 'utf8')).toBe(before)
  })

  it('finishes a file that was joined, whose parts were still there', async () => {
    const { files, out: folder, scored } = await begun()
    const out = place('.parquet')
    const joined = await score(fare, { files, out })
    mkdirSync(`${out}.parts`)
    for (const name of readdirSync(folder)) writeFileSync(join(`${out}.parts`, name), readFileSync(join(folder, name)))
    const again = await score(fare, { files, out })
    expect(again).toMatchObject({ run: scored.run, rows: 50, reused: 50, files: joined.files })
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it('is refused while another writes there', async () => {
    const { files, out } = await begun()
    const lock = (await takeFileLock(join(out, '.lock'), 0)) as HeldLock
    await expect(score(fare, { files, out })).rejects.toMatchObject({
      code: 'MR4113',
      details: { out, reason: 'is being written by another process' },
    })
    lock.release()
  })
})

describe('what cannot be scored', () => {
  it.each<[string, () => Partial<ScoreOptions>, object]>([
    [
      'a file named twice',
      () => {
        const a = written(plain(0, 1))
        return { files: [a, a] }
      },
      { code: 'MR4111', details: { reason: 'it is named twice' } },
    ],
    [
      'a kept column of the name of one of the result',
      () => ({ keep: ['zone', 'score'] }),
      { code: 'MR4111', details: { file: "The column 'score'", reason: 'the result has one of that name' } },
    ],
    [
      'a column kept twice',
      () => ({ keep: ['zone', 'zone'] }),
      { code: 'MR4111', details: { reason: 'it is to be kept twice' } },
    ],
  ])('is refused: %s', async (_, over, error) => {
    const out = place()
    await expect(score(fare, { files: [written(plain(0, 2))], out, ...over() })).rejects.toMatchObject(error)
    expect(existsSync(join(out, 'part-00000.parquet'))).toBe(false)
  })

  it('of a binary model no column of a name of its own is kept', async () => {
    const files = [written([{ at: 0, zone: 'north', km: 1 }])]
    for (const name of ['file', 'row', 'version', 'score', 'label'])
      await expect(score(late, { files, out: place(), keep: [name] })).rejects.toMatchObject({
        details: { file: `The column '${name}'`, reason: 'the result has one of that name' },
      })
  })

  it('an input without rows ends it after those before', async () => {
    const empty = place('.csv')
    writeFileSync(empty, 'km,zone\n')
    const out = place()
    await expect(score(fare, { files: [written(plain(0, 2)), empty], out })).rejects.toMatchObject({
      code: 'MR4111',
      details: { reason: 'it has no rows' },
    })
    expect(manifestOf(out)).toMatchObject({ inputsDone: 1, finished: false, parts: [{ rows: 2 }] })
    expect(await trained.workspace.store.getRun(manifestOf(out).run)).toMatchObject({
      status: 'failed',
      error: { code: 'MR4111' },
    })
  })

  it('a bad row ends it with its number, before its file has a part; mended, the run goes on', async () => {
    const good = written(plain(0, 2))
    const bad = written([...plain(0, 3), { km: 1e39, zone: 'north' }, ...plain(0, 1)])
    const out = place()
    await expect(score(fare, { files: [good, bad], out })).rejects.toMatchObject({
      code: 'MR4112',
      details: { row: 3, column: 'km' },
    })
    expect(readdirSync(out).filter(name => name.endsWith('.parquet'))).toEqual(['part-00000.parquet'])
    const { run } = manifestOf(out)
    written(plain(0, 5), bad)
    const scored = await score(fare, { files: [good, bad], out })
    expect(scored).toMatchObject({ rows: 7, reused: 2 })
    expect(manifestOf(out)).toMatchObject({ run: scored.run, inputsDone: 2, finished: true })
    const { store } = trained.workspace
    expect(await store.getRun(run)).toMatchObject({ status: 'failed' })
    expect(await store.getRun(scored.run)).toMatchObject({ status: 'succeeded', parameters: manifestOf(out).task })
    expect((await engine.rows("SELECT * FROM information_schema.tables WHERE table_name LIKE 'scores_%'")).length).toBe(
      0,
    )
  })

  it('of parts that are beside a file, those of what was mended go; what else differs is told by their folder', async () => {
    const files = [written([...plain(0, 3), { km: 1e39, zone: 'north' }]), written(plain(0, 1))]
    const [bad = ''] = files
    const out = place('.parquet')
    const asked = { files, out, shown: 'july.parquet' }
    await expect(score(fare, asked)).rejects.toMatchObject({ code: 'MR4112' })
    await expect(score(fare, { ...asked, files: [bad] })).rejects.toMatchObject({
      code: 'MR4113',
      details: {
        out: 'july.parquet.parts',
        reason: 'holds unfinished scores of other inputs, or of these as they were before',
      },
    })
    written(plain(0, 4), bad)
    // Somebody's own
    writeFileSync(out, 'mine')
    await expect(score(fare, asked)).rejects.toMatchObject({ code: 'MR4113' })
    expect(readFileSync(out, 'utf8')).toBe('mine')
    rmSync(out)
    expect(await score(fare, asked)).toMatchObject({ rows: 5, reused: 0 })
    expect((await read(out)).length).toBe(5)
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it('a row that may not be null is told with its number, when those before it were scored', async () => {
    const path = place('.csv')
    writeFileSync(path, 'km,zone\n1,north\n,north\n')
    for (const files of [[path], [written(plain(0, 2)), path]])
      await expect(score(fare, { files, out: place(), shown: 'july' })).rejects.toMatchObject({
        code: 'MR4112',
        details: { row: 1, column: 'km', reason: 'it is null and may not be' },
      })
  })

  it('an input that cannot be read is found before anything is scored', async () => {
    const out = place()
    const files = [written(plain(0, 2)), written([{ km: 1 } as Partial<Ride>])]
    await expect(score(fare, { files, out })).rejects.toMatchObject({ code: 'MR2001', details: { column: 'zone' } })
    expect(existsSync(join(out, manifestName))).toBe(false)
  })

  it('a row for which the model has no finite score ends it', async () => {
    const { runtime, faults, open } = faultyRuntime(trained.workspace.runtime)
    faults.set(fare.digest, async (answer, batch) => {
      const { scores } = await answer()
      if (batch.rows === 5) scores[3] = Number.NaN
      return { scores }
    })
    const services = { batchRuntime: runtime, runtime }
    await expect(score(fare, { files: [written(plain(0, 5))], out: place() }, services)).rejects.toMatchObject({
      code: 'MR4112',
      details: { row: 3, column: '*' },
    })
    expect(open).toEqual([])
  })

  it('a place that is taken stays as it is', async () => {
    const out = place('.parquet')
    writeFileSync(out, 'mine')
    await expect(score(fare, { files: [written(plain(0, 1))], out })).rejects.toMatchObject({
      code: 'MR4113',
      details: { reason: 'is there already' },
    })
    expect(readFileSync(out, 'utf8')).toBe('mine')
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it('where it cannot be looked whether something is there, which is no leave to write', async () => {
    const out = place('.parquet')
    symlinkSync(out, out)
    await expect(score(fare, { files: [written(plain(0, 2))], out })).rejects.toMatchObject({
      code: 'MR3018',
      details: { path: out, reason: 'its links lead in a circle' },
    })
  })

  it('a version whose scaler is another one is not used', async () => {
    const { version: _, ...rest } = late
    const wrong = await trained.workspace.store.addModelVersion({
      ...rest,
      facts: { ...late.facts, scaler: fare.facts.scaler as string },
    } as never)
    const rows = [{ at: afterRides - hour, zone: 'north', km: 1 }]
    const error = await score(wrong, { files: [written(rows)], out: place() }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'MR4107', details: { version: `late@${wrong.version}` } })
    // with what is wrong, and not with what holds
    const { reason } = (error as { details: { reason: string } }).details
    expect(reason).toMatch(/^the model lacks zone .*; the ONNX file names the scaler sha256:\w+, this process has/)
    expect(reason).not.toContain('undefined')
  })
})

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import {
  partName,
  readManifest,
  ofMendedInputs,
  requireSameTask,
  type ScoreManifest,
  type ScoreTask,
  writeManifest,
} from './manifest.ts'

// What a folder of scores says of itself, and which folders are somebody else's.

const root = mkdtempSync(join(tmpdir(), 'millrace-manifest-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const digest = digestBytes('a')
const task: ScoreTask = {
  model: 'late',
  version: 3,
  digest,
  inputs: [
    { file: 'a.csv', digest, size: 10 },
    { file: 'b.csv', digest: digestBytes('b'), size: 20 },
  ],
  keep: ['zone'],
  at: null,
}
const manifest: ScoreManifest = {
  format: 1,
  run: '01HZZZ',
  task,
  now: 7,
  parts: [{ name: partName(0), input: 0, from: 0, until: 5, rows: 5, digest, size: 9 }],
  inputsDone: 1,
  finished: false,
}
const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const path = mkdtempSync(join(root, 'out-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}
const text = (change: object = {}): string => JSON.stringify({ ...manifest, ...change })

describe('the manifest', () => {
  it('is read as it was written', async () => {
    const at = folder()
    await writeManifest(at, manifest)
    expect(await readManifest(at, 'out')).toEqual(manifest)
    expect(statSync(join(at, 'manifest.json')).size).toBeGreaterThan(0)
    await writeManifest(at, { ...manifest, finished: true })
    expect((await readManifest(at, 'out'))?.finished).toBe(true)
  })

  it.each([
    ['that is not there', () => join(root, 'nowhere')],
    ['that is empty', () => folder()],
    ['with hidden files alone, such as its lock', () => folder({ '.lock': '' })],
  ])('of a folder %s is none', async (_, at) => {
    expect(await readManifest(at(), 'out')).toBeUndefined()
  })

  it.each([
    ['holds files that are no scores', () => folder({ '.lock': '', 'mine.txt': 'x' })],
    ['holds files that are no scores', () => folder({ 'part-00000.parquet': 'x' })],
    ['is a file', () => join(folder({ file: 'x' }), 'file')],
    ['holds a manifest.json that is none of scores', () => folder({ 'manifest.json': '{"name":"my app"}' })],
    ['holds a manifest.json that is none of scores', () => folder({ 'manifest.json': text().slice(1) })],
    ['holds a manifest.json that is none of scores', () => folder({ 'manifest.json': '' })],
    // of a later Millrace, which may mean something else by it
    ['holds a manifest.json that is none of scores', () => folder({ 'manifest.json': text({ format: 2 }) })],
    ['holds a manifest.json that is none of scores', () => folder({ 'manifest.json': text({ more: 1 }) })],
    [
      'holds a manifest.json that is none of scores',
      () => folder({ 'manifest.json': text({ parts: [{ ...manifest.parts[0], digest: 'md5:77' }] }) }),
    ],
    [
      'holds a manifest.json that is none of scores',
      () => folder({ 'manifest.json': text({ task: { ...task, at: 'noon' } }) }),
    ],
  ])('of a folder that %s is refused (%#)', async (reason, at) => {
    await expect(readManifest(at(), 'scores/july')).rejects.toMatchObject({
      code: 'MR4113',
      exit: 2,
      status: 409,
      details: { out: 'scores/july', reason },
    })
  })

  it('that cannot be read is told as what the system says', async () => {
    const at = folder()
    mkdirSync(join(at, 'manifest.json'))
    await expect(readManifest(at, 'out')).rejects.toMatchObject({ code: 'EISDIR' })
  })

  it('names parts so that they sort as they came', () => {
    const names = [0, 1, 9, 10, 99, 100, 99_999].map(partName)
    expect(names[0]).toBe('part-00000.parquet')
    expect(names.toSorted()).toEqual(names)
  })
})

describe('scores go on where the task is the same', () => {
  const tried = (change: Partial<ScoreTask>) => () => requireSameTask(manifest, { ...task, ...change }, 'out')

  it('whatever order its keys have', () => {
    const { model, ...rest } = task
    expect(() => requireSameTask(manifest, { ...rest, model }, 'out')).not.toThrow()
  })

  it.each<[string, Partial<ScoreTask>]>([
    ['of late@3', { model: 'fare' }],
    ['of late@3', { version: 4 }],
    // the number was given anew: another file by the same name
    ['of late@3', { digest: digestBytes('other') }],
    ['of other inputs, or of these as they were before', { inputs: task.inputs.slice(0, 1) }],
    ['of other inputs, or of these as they were before', { inputs: task.inputs.toReversed() }],
    [
      'of other inputs, or of these as they were before',
      { inputs: task.inputs.map(one => ({ ...one, digest: digestBytes('changed') })) },
    ],
    ['with other columns kept, or for another moment', { keep: [] }],
    ['with other columns kept, or for another moment', { keep: ['zone', 'km'] }],
    ['with other columns kept, or for another moment', { at: 0 }],
  ])('and not where they are %s (%#)', (differs, change) => {
    expect(tried(change)).toThrow(
      expect.objectContaining({
        code: 'MR4113',
        details: { out: 'out', reason: `holds unfinished scores ${differs}` },
      }) as Error,
    )
  })
})

describe('scores of files that were mended', () => {
  const [a, b] = task.inputs as [ScoreTask['inputs'][0], ScoreTask['inputs'][0]]
  const other = digestBytes('mended')
  const part = (number: number, input: number) => ({ ...manifest.parts[0], name: partName(number), input })
  const found = { ...manifest, parts: [part(0, 0), part(1, 0), part(2, 1)] } as ScoreManifest

  it.each([
    ['the second', [a, { ...b, digest: other }], 2, 1],
    ['the first', [{ ...a, size: 11, digest: other }, b], 0, 0],
  ] as const)('go on with the parts of those before: %s', (_, inputs, parts, inputsDone) => {
    const given = { ...task, inputs: [...inputs] }
    expect(ofMendedInputs(found, given)).toEqual({
      ...found,
      task: given,
      parts: found.parts.slice(0, parts),
      inputsDone,
    })
  })

  it.each<[string, Partial<ScoreManifest>, Partial<ScoreTask>]>([
    ['nothing was', {}, {}],
    ['they were finished', { finished: true }, { inputs: [a, { ...b, digest: other }] }],
    ['they have other names', {}, { inputs: [a, { ...b, file: 'c.csv' }] }],
    ['one of them is left out', {}, { inputs: [a] }],
    ['the version is another one, too', {}, { version: 4, inputs: [a, { ...b, digest: other }] }],
    ['other columns are kept, too', {}, { keep: [], inputs: [a, { ...b, digest: other }] }],
  ])('are left alone where %s', (_, over, change) => {
    expect(ofMendedInputs({ ...found, ...over }, { ...task, ...change })).toBeUndefined()
  })
})

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { fail } from '../../errors/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import { publishFile } from '../../internal/publish.ts'

const digest = z.custom<Digest>(value => typeof value === 'string' && value.startsWith('sha256:'))

/** What is scored with what: two of the same content give the same scores. */
const Task = z.strictObject({
  model: z.string(),
  version: z.int(),
  digest,
  inputs: z.array(z.strictObject({ file: z.string(), digest, size: z.int() })),
  keep: z.array(z.string()),
  /** The moment of rows whose file has no time of the event, where the model has features: as given, or null. */
  at: z.int().nullable(),
})
export type ScoreTask = z.infer<typeof Task>

const Part = z.strictObject({
  name: z.string(),
  /** Position of the input among `inputs`, and its rows from one number up to before another. */
  input: z.int(),
  from: z.int(),
  until: z.int(),
  rows: z.int(),
  digest,
  size: z.int(),
})
export type ScorePart = z.infer<typeof Part>

const Manifest = z.strictObject({
  format: z.literal(1),
  run: z.string(),
  task: Task,
  /** The moment that stands for "now" throughout, also after an interruption. */
  now: z.int(),
  parts: z.array(Part),
  /** How many of the inputs are through. */
  inputsDone: z.int(),
  finished: z.boolean(),
})
/** What a folder of scores says of itself: what they are of, and which parts are there and whole. */
export type ScoreManifest = z.infer<typeof Manifest>

export const manifestName = 'manifest.json'
export const partName = (number: number): string => `part-${String(number).padStart(5, '0')}.parquet`

/** The manifest of a folder; undefined of one that is empty or not there. Throws `scoreOutputTaken`. */
export async function readManifest(folder: string, shown: string): Promise<ScoreManifest | undefined> {
  const taken = (reason: string): Error => fail('scoreOutputTaken', { out: shown, reason })
  let text: string
  try {
    text = await readFile(join(folder, manifestName), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') throw taken('is a file')
    if (code !== 'ENOENT') throw error
    const others = await readdir(folder).catch(() => [])
    if (others.some(name => !name.startsWith('.'))) throw taken('holds files that are no scores')
    return undefined
  }
  const read = Manifest.safeParse(jsonOf(text))
  if (!read.success) throw taken(`holds a ${manifestName} that is none of scores`)
  return read.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const writeManifest = (folder: string, manifest: ScoreManifest): Promise<void> =>
  publishFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`)

const same = (one: unknown, other: unknown): boolean => canonicalJson(one as Json) === canonicalJson(other as Json)

/**
 * What is left of scores that were not finished where files were mended since: the parts of those before the first of them.
 * Undefined where no file was, where the scores are finished, or where anything else differs, such as the files by name.
 */
export function ofMendedInputs(found: ScoreManifest, task: ScoreTask): ScoreManifest | undefined {
  const named = ({ inputs, ...rest }: ScoreTask) => ({ ...rest, inputs: inputs.map(one => one.file) })
  if (found.finished || !same(named(found.task), named(task))) return undefined
  const mended = task.inputs.findIndex((input, i) => !same(input, found.task.inputs[i]))
  if (mended < 0) return undefined
  const parts = found.parts.filter(part => part.input < mended)
  return { ...found, task, parts, inputsDone: Math.min(found.inputsDone, mended) }
}

/** Throws `scoreOutputTaken`, saying what differs, where a folder (`shown`) holds scores of something else. */
export function requireSameTask(found: ScoreManifest, task: ScoreTask, shown: string): void {
  const { task: then } = found
  const differs =
    then.digest !== task.digest || then.version !== task.version || then.model !== task.model
      ? `of ${then.model}@${then.version}`
      : !same(then.inputs, task.inputs)
        ? 'of other inputs, or of these as they were before'
        : same(then, task)
          ? undefined
          : 'with other columns kept, or for another moment'
  const scores = found.finished ? 'scores' : 'unfinished scores'
  if (differs !== undefined) throw fail('scoreOutputTaken', { out: shown, reason: `holds ${scores} ${differs}` })
}

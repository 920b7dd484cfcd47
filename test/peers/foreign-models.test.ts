import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openNative } from '../../src/adapters/inference/onnx-native/open.ts'
import { openWasm } from '../../src/adapters/inference/onnx-wasm/open.ts'
import { defaultBinding, readModel, type RowInput, signatureOf, verdictOf, verifyModel } from '../../src/onnx/index.ts'
import { scoreDistance, scoreScale } from '../../src/math/metrics/score-distance.ts'
import type { Task } from '../../src/math/task.ts'
import type { InferenceBatch } from '../../src/ports/inference-runtime.ts'

const python = 'test/interop/.venv-models/bin/python'
const present = existsSync(python)
if (!present)
  console.warn('SKIPPED: scikit-learn, LightGBM, XGBoost, CatBoost; run scripts/interop-venv.sh models first')

interface Sample {
  readonly name: string
  readonly bytes: Uint8Array
  readonly task: Task
  readonly classes: readonly string[]
  readonly inputs: readonly RowInput[]
  readonly batch: InferenceBatch
  /** What the framework predicts, and what Python's ONNX Runtime answers: as scores of ours. */
  readonly framework: Float64Array
  readonly runtime: Float64Array
}

interface Written {
  readonly task: Task
  readonly classes: readonly string[]
  readonly inputs: readonly RowInput[]
  readonly rows: number
  readonly width: number
  readonly outputs: readonly [number, number]
  readonly texts: readonly string[] | null
}

let folder = ''
const samples: Sample[] = []

beforeAll(async () => {
  if (!present) return
  folder = await mkdtemp(join(tmpdir(), 'millrace-foreign-'))
  execFileSync(python, ['test/interop/write_foreign.py', folder], { stdio: 'pipe' })
  for (const file of (await readdir(folder)).filter(one => one.endsWith('.json')).sort()) {
    samples.push(await readSample(file.slice(0, -'.json'.length)))
  }
})

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true })
})

async function readSample(name: string): Promise<Sample> {
  const { rows, width, outputs, texts, ...written } = JSON.parse(
    await readFile(join(folder, `${name}.json`), 'utf8'),
  ) as Written
  const bin = await readFile(join(folder, `${name}.bin`))
  const all = new Float64Array(bin.buffer.slice(bin.byteOffset, bin.byteOffset + bin.byteLength))
  let at = 0
  const take = (count: number): Float64Array => all.subarray(at, (at += count))
  const features = take(rows * width)
  const [framework, runtime] = outputs.map(columns => {
    const scores = take(rows * columns)
    return written.task === 'binary' ? scores.filter((_, i) => i % columns === columns - 1) : scores
  }) as [Float64Array, Float64Array]
  return {
    ...written,
    name,
    bytes: await readFile(join(folder, `${name}.onnx`)),
    batch: { rows, features: Float32Array.from(features), categories: texts ?? [] },
    framework,
    runtime,
  }
}

/** Rows that are decided otherwise; of equal scores, which the order of a sum decides, neither is another. */
function flips(task: Task, found: Float32Array, wanted: Float64Array, outputs: number): number {
  if (task === 'regression') return 0
  let count = 0
  for (let row = 0; row < wanted.length / outputs; row++) {
    const of = (scores: ArrayLike<number>): number[] => {
      const own = Array.from({ length: outputs }, (_, at) => scores[row * outputs + at] as number)
      return outputs === 1 ? [1 - (own[0] as number), ...own] : own
    }
    const theirs = of(wanted)
    const ours = of(found)
    const chosen = ours.indexOf(Math.max(...ours))
    if (Math.max(...theirs) - (theirs[chosen] as number) > 2e-6) count++
  }
  return count
}

/** The largest difference, in units of what scores of the model are. */
function worst(task: Task, found: Float32Array, wanted: Float64Array): number {
  const scale = scoreScale(task, Float32Array.from(wanted))
  return found.reduce((most, score, at) => Math.max(most, scoreDistance(score, wanted[at] as number, scale)), 0)
}

describe.skipIf(!present)('models of other frameworks, as their exporters write them', () => {
  test('are the 24 that are meant, all valid and servable', () => {
    expect(samples).toHaveLength(24)
    for (const { name, bytes } of samples) {
      expect({ name, ...verdictOf(verifyModel(bytes)) }).toEqual({ name, valid: true, servable: true, reasons: [] })
    }
  })

  test.each([
    ['native', openNative],
    ['wasm', openWasm],
  ])('%s: 10,000 rows each are scored as by Python, no label is another', async (_, open) => {
    const runtime = await open()
    for (const { name, bytes, task, classes, inputs, batch, framework, runtime: python } of samples) {
      const binding = defaultBinding(signatureOf(readModel(bytes)), {
        inputs,
        task,
        ...(classes.length > 0 ? { classes } : {}),
        file: name,
      })
      const model = await runtime.load(bytes, binding)
      const { scores } = await model.run(batch)
      await model.close()
      const found = {
        name,
        runtime: worst(task, scores, python),
        framework: worst(task, scores, framework),
        flips: flips(task, scores, python, model.outputs) + flips(task, scores, framework, model.outputs),
      }
      expect(found.flips, name).toBe(0)
      expect(found.runtime, name).toBeLessThanOrEqual(1e-5)
      expect(found.framework, name).toBeLessThanOrEqual(1e-5)
    }
  })
})

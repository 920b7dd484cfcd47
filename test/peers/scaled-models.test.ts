import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultBinding, graphScaling, readModel, type RowInput, signatureOf } from '../../src/onnx/index.ts'
import type { Task } from '../../src/math/task.ts'

const python = 'test/interop/.venv-models/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: scikit-learn, LightGBM, XGBoost; run scripts/interop-venv.sh models first')

interface Written {
  readonly task: Task
  readonly inputs: readonly RowInput[]
  readonly columns: readonly (readonly [name: string, centre: number, scale: number, fill: number | null])[]
  readonly none: readonly string[]
}

let folder = ''
const pipelines: { readonly name: string; readonly written: Written; readonly bytes: Uint8Array }[] = []

beforeAll(async () => {
  if (!present) return
  folder = await mkdtemp(join(tmpdir(), 'millrace-scaled-'))
  execFileSync(python, ['test/interop/write_scaled.py', folder], { stdio: 'pipe' })
  for (const file of (await readdir(folder)).filter(one => one.endsWith('.json')).sort()) {
    const name = file.slice(0, -'.json'.length)
    const written = JSON.parse(await readFile(join(folder, file), 'utf8')) as Written
    pipelines.push({ name, written, bytes: await readFile(join(folder, `${name}.onnx`)) })
  }
})

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true })
})

test.skipIf(!present)('what pipelines of scikit-learn scale each column by is read from their graphs', () => {
  expect(pipelines).toHaveLength(27)
  for (const { name, written, bytes } of pipelines) {
    const model = readModel(bytes)
    const { inputs, task, columns, none } = written
    const { feeds } = defaultBinding(signatureOf(model), {
      inputs,
      task,
      ...(task === 'binary' ? { classes: ['0', '1'] } : {}),
    })
    const numbers = new Set(inputs.flatMap(input => (input.type === 'text' ? [] : [input.name])))
    const found = graphScaling(model.graph as never, new Map(feeds.map(feed => [feed.input, feed.of])), numbers)
    const near = (a: number, b: number, unit: number): boolean => Math.abs(a - b) <= 1e-6 * (Math.abs(b) + unit)
    const open = [...found.scales]
    for (const [input, centre, scale, fill] of columns) {
      const at = open.findIndex(
        one =>
          one.input === input &&
          near(one.offset, centre, scale) &&
          near(one.scale, scale, 0) &&
          (fill === null ? one.fill === undefined : near(one.fill ?? NaN, fill, scale)),
      )
      expect(at, `${name}: ${input} (x − ${centre}) / ${scale} in ${JSON.stringify(open)}`).toBeGreaterThanOrEqual(0)
      open.splice(at, 1)
    }
    expect(open, name).toEqual([])
    expect(found.unscaled.map(one => one.input).toSorted(), name).toEqual(none.toSorted())
  }
})

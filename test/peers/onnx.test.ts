import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sampleModel, sampleNames } from '../../src/testing/inference-models.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: ONNX checker and Python ONNX Runtime; run scripts/interop-venv.sh first')

test.skipIf(!present)("the ONNX checker accepts our models and Python's runtime gives our scores", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-onnx-'))
  try {
    for (const name of sampleNames) {
      const { bytes, rows, features, categories, scores } = await sampleModel(name)
      await writeFile(join(folder, `${name}.onnx`), bytes)
      const sample = { rows, features: [...features], categories, scores: [...scores] }
      // JSON has no NaN: it writes null.
      await writeFile(join(folder, `${name}.json`), JSON.stringify(sample))
    }
    const lines = execFileSync(python, ['test/interop/check_onnx.py', folder], { encoding: 'utf8' }).trim().split('\n')
    const found = lines.map(line => JSON.parse(line) as { model: string; difference: number; wrongLabels: number })
    expect(found.map(({ model }) => model).sort()).toEqual([...sampleNames].sort())
    for (const { difference, wrongLabels } of found) {
      expect(difference).toBeLessThanOrEqual(1e-6)
      expect(wrongLabels).toBe(0)
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

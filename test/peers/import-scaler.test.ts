import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSklearnScaler } from '../../src/stages/import/sklearn-scaler/read.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: scikit-learn, skl2onnx and skops; run scripts/interop-venv.sh first')

const names = ['distance', 'hour', 'fixed']
const scalers = ['standard', 'uncentred', 'unscaled', 'minmax', 'ranged', 'clipped', 'robust', 'narrow', 'maxabs']

describe.skipIf(!present)('scalers that scikit-learn wrote', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-scalers-'))
    execFileSync(python, ['test/interop/write_scalers.py', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  })
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

  test.each(scalers)('%s is the same from every form', name => {
    const reference = JSON.parse(readFileSync(join(folder, `${name}.rows`), 'utf8')) as {
      rows: number[][]
      scaled: number[][]
      class: string
    }
    const forms = readdirSync(folder).filter(
      file => file.startsWith(`${name}.`) || (file.startsWith(`${name}-`) && file.endsWith('.onnx')),
    )
    let read = 0
    for (const file of forms) {
      const bytes = readFileSync(join(folder, file))
      if (file.endsWith('.rows')) continue
      if (file.endsWith('.pkl')) {
        expect(() => readSklearnScaler(bytes, file)).toThrow(/is a Python pickle/)
        continue
      }
      read++
      const { form, scaler } = readSklearnScaler(bytes, file)
      const onnx = form === 'onnx'
      expect(scaler.class, file).toBe(onnx ? undefined : reference.class)
      expect(scaler.clip !== undefined, file).toBe(name === 'clipped')
      expect(scaler.features.map(feature => feature.name)).toEqual(
        scaler.named ? names : names.map((_, at) => `x${at}`),
      )
      expect(scaler.named, file).toBe(!onnx || file.endsWith('-columns.onnx'))
      // Figures of a float graph were rounded to float32
      const tolerance = onnx && !file.endsWith('-double.onnx') ? 1e-5 : 1e-12
      reference.rows.forEach((row, at) =>
        row.forEach((value, column) => {
          const feature = scaler.features[column]
          const [low, high] = scaler.clip ?? [-Infinity, Infinity]
          const z = Math.min(high, Math.max(low, (value - (feature?.offset ?? NaN)) / (feature?.scale ?? NaN)))
          const wanted = reference.scaled[at]?.[column] ?? NaN
          const unit = Math.max(1, ...[value, feature?.offset ?? 0].map(x => Math.abs(x / (feature?.scale ?? 1))))
          expect(Math.abs(z - wanted), `${file}, ${names[column]}`).toBeLessThanOrEqual(tolerance * unit)
        }),
      )
    }
    expect(read).toBe(6)
  })
})

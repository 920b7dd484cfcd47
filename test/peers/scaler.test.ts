import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { holdToReference, type ScalerReference } from '../support/scaler-shapes.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: scikit-learn; run scripts/interop-venv.sh first')

test.skipIf(!present)('scalers learn what scikit-learn learns from 200 columns drawn now', () => {
  const seed = String(Date.now() % 1_000_000)
  const text = execFileSync(python, ['test/fixtures/scaler/make.py', seed, '-'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const { columns } = JSON.parse(text) as ScalerReference
  expect(columns.length).toBe(200)
  try {
    columns.forEach(holdToReference)
  } catch (error) {
    throw new Error(`with "make.py ${seed}"`, { cause: error })
  }
})

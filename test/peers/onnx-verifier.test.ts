import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// A sample of what scripts/test-onnx.sh does at length.

const python = 'test/interop/.venv-models/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: ONNX checker and ONNX Runtime; run scripts/interop-venv.sh models first')

let folder = ''
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'millrace-judged-'))))
afterAll(() => rm(folder, { recursive: true }))

const judged = (name: string): string => {
  execFileSync(python, ['test/interop/judge_onnx.py', 'judge', join(folder, name), join(folder, `${name}.jsonl`)])
  try {
    return execFileSync('node', ['scripts/compare-onnx.mjs', join(folder, name), join(folder, `${name}.jsonl`)], {
      encoding: 'utf8',
    })
  } catch (error) {
    return (error as { readonly stdout: string }).stdout
  }
}

describe.skipIf(!present)('the verifier stands alone against neither the ONNX checker nor ONNX Runtime', () => {
  test('on every node test and model of the onnx package', () => {
    execFileSync(python, ['test/interop/judge_onnx.py', 'corpus', join(folder, 'corpus')], { stdio: 'pipe' })
    const said = judged('corpus')
    expect(said).toContain('crashed 0, refused alone 0, accepted alone 0')
    expect(Number(/accepted by both (\d+)/.exec(said)?.[1])).toBeGreaterThan(1800)
  })

  test('on damaged models', () => {
    execFileSync('node', ['scripts/write-samples.mjs', folder])
    const folders = [join(folder, 'damaged'), '1000', '5', folder]
    execFileSync(python, ['test/interop/judge_onnx.py', 'mutate', ...folders])
    const said = judged('damaged')
    expect(said).toContain('crashed 0, refused alone 0, accepted alone 0')
    expect(Number(/by neither (\d+)/.exec(said)?.[1])).toBeGreaterThan(300)
  })
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

it('says nothing of what is the same', () => {
  expect(unifiedDiff('a\nb\n', 'a\nb\n', 'x')).toBe('')
})

it('shows three lines around each change', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', ''].join('\n')
  expect(unifiedDiff(before, before.replace('2\n', 'two\n').replace('11', 'eleven'), 'f.ts')).toBe(
    '--- a/f.ts\n+++ b/f.ts\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n@@ -8,5 +8,5 @@\n 8\n 9\n 10\n-11\n+eleven\n 12\n',
  )
})

it('is a patch that git applies', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-diff-'))
  const lines = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n', 'd\r\n'), { minLength: 1, maxLength: 30 })
  const text = fc.tuple(lines, fc.constantFrom('', 'last')).map(([some, last]) => some.join('') + last)
  try {
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after)
        writeFileSync(join(folder, 'f.ts'), before)
        writeFileSync(join(folder, 'p.diff'), unifiedDiff(before, after, 'f.ts'))
        execFileSync('git', ['apply', '--whitespace=nowarn', 'p.diff'], { cwd: folder })
        expect(readFileSync(join(folder, 'f.ts'), 'utf8')).toBe(after)
      }),
      { numRuns: 40 },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

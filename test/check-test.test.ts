import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

let root = ''
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function project(columns: string): void {
  root = mkdtempSync(join(tmpdir(), 'millrace-check-test-'))
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  for (const name of ['vitest', 'typescript'])
    symlinkSync(resolve('node_modules', name), join(root, 'node_modules', name))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('sales.csv'),
  columns: ${columns},
  expect: c => [c.amount.between(0, 100, { when: c.shop.expr.ne('free') }), c["it's \\u2028 a"].length({ max: 5 })],
})
export default project('p', { sales })
`,
  )
  writeFileSync(
    join(root, 'sales.csv'),
    `shop,amount,it's \u2028 a\nnorth,3,x\nsouth,-1,x\nnorth,5,"a';""\u2028\`\${1}"\n`,
  )
}

/** The test file's own run: 0 where all pass. */
function vitest(): number {
  try {
    execFileSync(process.execPath, [resolve('node_modules/vitest/vitest.mjs'), 'run'], { cwd: root, stdio: 'pipe' })
    return 0
  } catch (error) {
    return (error as { status: number }).status
  }
}

test('the tests that are written pass, and fail when an expectation no longer catches what it caught', async () => {
  project(`{ shop: t.text(), amount: t.float(), "it's \\u2028 a": t.text() }`)
  const made = await millrace(root, ['check-test'])
  expect(made.said).toContain('wrote sales.check.test.ts: 3 tests')
  const written = readFileSync(join(root, 'sales.check.test.ts'), 'utf8')
  expect(written).toContain("expect(broken[0]).toContain(idOf('between', 'amount'))")
  expect(written).not.toMatch(/-[0-9a-f]{12}/)
  expect(vitest()).toBe(0)
  const config = join(root, 'millrace.config.ts')
  writeFileSync(config, readFileSync(config, 'utf8').replace('between(0, 100', 'between(-5, 100'))
  expect(vitest()).toBe(1)
  const again = await millrace(root, ['check-test'])
  expect([again.code, again.said]).toEqual([2, expect.stringContaining('--force') as string])
})

test('personal data is written into no test', async () => {
  project(`{ shop: t.pii(t.text()), amount: t.float(), "it's \\u2028 a": t.text() }, encryptWith: 'k'`)
  const said = await millrace(root, ['check-test'])
  expect([said.code, said.said]).toEqual([2, expect.stringContaining('personal data') as string])
})

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { kinds } from '../src/define/expectation/index.ts'
import type { Report } from '../src/index.ts'
import { inside } from './support/inside.ts'

it('the example of every kind of expectation runs and holds', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
  await cp('examples/expectations', root, { recursive: true, filter: path => !path.includes('.millrace') })
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [resolve('dist/cli/bin.js'), 'validate', 'orders', '--json'],
    { cwd: root, maxBuffer: 1 << 26 },
  )
  const [report] = JSON.parse(stdout) as Report[]
  const checks = report?.checks ?? []
  expect(checks.filter(one => one.status === 'fail' || one.status === 'error').map(one => one.message)).toEqual([])
  expect([...kinds.keys()].filter(kind => !checks.some(one => one.kind === kind))).toEqual([])
  await rm(root, { recursive: true })
})

describe('the example that init writes', () => {
  let root: string
  const run = (...words: string[]) => inside(root, words)
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'millrace-start-'))
    expect(await run('init')).toMatchObject({ code: 0 })
  })

  it('goes through the loop of the README, and reuses what did not change', async () => {
    expect(await run('validate')).toMatchObject({ code: 0 })
    expect((await run('profile', 'data/deliveries.csv')).out).toContain('distance_km')
    const trained = await run('train')
    expect(trained.code, trained.said).toBe(0)
    expect(trained.out).toContain('Next:  npx millrace deploy')
    const [version] = JSON.parse((await run('models', 'list', '--json')).out) as { metrics: { auc: number } }[]
    expect(version?.metrics.auc).toBeGreaterThan(0.6)
    expect(await run('features', 'materialise')).toMatchObject({ code: 0 })
    expect((await run('features', 'verify')).out).toMatch(/✓ shops: [\d,]+ values compared, 0 differ/)
    expect((await run('deploy')).out).toContain('stable lateness@1')
    expect((await run('reproduce', 'lateness@1')).out).toContain('was rebuilt to the same bytes')
    const again = JSON.parse((await run('train', '--json')).out) as { steps: { step: string; status: string }[] }
    const reused = again.steps.filter(one => one.status === 'reused').map(one => one.step)
    expect(reused).toEqual(['features-lateness', 'train-lateness', 'verify-lateness'])
  })

  it('says no where its declarations say so', async () => {
    const file = join(root, 'millrace.config.ts')
    const text = await readFile(file, 'utf8')
    for (const [from, to] of [
      ['rowCount({ min: 1_000 })', 'rowCount({ min: 1_000_000 })'],
      ["['north', 'south', 'harbour']", "['north', 'south']"],
    ] as const) {
      await writeFile(file, text.replace(from, to))
      expect([from, (await run('validate')).code, (await run('train')).code]).toEqual([from, 1, 1])
    }
    await writeFile(file, text.replace('min: 0.6,', 'min: 0.99,'))
    expect(await run('validate')).toMatchObject({ code: 0 })
    const refused = await run('train')
    expect([refused.code, refused.said]).toEqual([1, expect.stringMatching(/auc/) as unknown])
    // the version that serves is what it was
    await writeFile(file, text)
    expect((await run('rollout', 'status')).out).toContain('stable is lateness@1')
  })
})

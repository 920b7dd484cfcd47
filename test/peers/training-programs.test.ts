import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

// The guide's first page for data scientists, word for word, and boosters of three houses: each trained inside the pipeline in
// an environment that is made from a lock file, tested, registered, deployed and followed by a second version.

const root = mkdtempSync(join(tmpdir(), 'millrace-programs-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const guide = readFileSync('docs/guide/training.md', 'utf8')
/** The first block of a language. */
const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? ''

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise(done => {
    execFile(
      process.execPath,
      [resolve('dist/cli/bin.js'), ...args],
      { cwd: root, timeout: 900_000, maxBuffer: 2 ** 26 },
      (error, out, err) => done({ code: error ? Number((error as { code?: unknown }).code ?? 1) : 0, said: out + err }),
    )
  })
}

const boosters = ['lightgbm', 'xgboost', 'catboost'] as const
const declared = boosters.map(
  house => `
const ${house} = model('${house}', {
  task: 'binary', from: birds, label: c => c.sex.eq('MALE'),
  inputs: c => ({ bill: c.bill, depth: c.depth, mass: c.mass }),
  split: { by: 'random', test: 0.3 },
  train: python('train/boosted.py', { lock: 'train/requirements.lock', params: { house: '${house}' } }),
  test: m => [m.metric('auc', { min: 0.8 })],
})
const ${house}Api = deployment('${house}-api', { model: ${house} })`,
)

beforeAll(() => {
  for (const folder of ['data', 'train', 'node_modules']) mkdirSync(join(root, folder))
  symlinkSync(resolve('.'), join(root, 'node_modules', 'millrace'))
  const rows = JSON.parse(readFileSync('node_modules/vega-datasets/data/penguins.json', 'utf8')) as Record<
    string,
    unknown
  >[]
  const lines = rows.map(row =>
    JSON.stringify({
      species: row['Species'],
      island: row['Island'],
      bill: row['Beak Length (mm)'],
      depth: row['Beak Depth (mm)'],
      mass: row['Body Mass (g)'],
      sex: row['Sex'] === '.' ? null : row['Sex'],
    }),
  )
  writeFileSync(join(root, 'data', 'penguins.jsonl'), `${lines.join('\n')}\n`)
  writeFileSync(join(root, 'train', 'species.py'), block('python'))
  cpSync('test/interop/train', join(root, 'train'), { recursive: true })
  const config = block('ts')
    .replace('import { dataset, deployment, json,', 'import { csv, dataset, deployment, json,')
    .replace('import { csv, ', 'import { ')
    .replace(
      'const api = deployment',
      `const birds = dataset('birds', { source: json('data/penguins.jsonl'), columns: { bill: t.nullable(t.float()), depth: t.nullable(t.float()), mass: t.nullable(t.float()), sex: t.nullable(t.text()) } })${declared.join('')}
const api = deployment`,
    )
    .replace(
      '{ penguins, species, api,',
      `{ penguins, species, api, birds, ${boosters.flatMap(house => [house, `${house}Api`]).join(', ')},`,
    )
  writeFileSync(join(root, 'millrace.config.ts'), config)
})

it('the page of the guide does what it says: a script becomes a version, the version serves, the next one challenges it', async () => {
  const trained = await run('train', 'species')
  expect(trained.said).toMatch(/species@1 +accuracy 0\.9/)
  expect(trained.code).toBe(0)
  expect((await run('models', 'show', 'species@1')).said).toMatch(/card +sha256/)
  // Its scaler is behind an imputer, beside texts
  const scaler = await run('scaler', 'check', 'species@1', '--verbose')
  expect(scaler.said).toContain('the training rows give what the graph scales 2 inputs by')
  expect(scaler.said).toMatch(/the graph scales \d+ rows within/)
  expect((await run('deploy', 'species-api')).said).toMatch(/stable species@1/)
  const script = join(root, 'train', 'species.py')
  writeFileSync(script, readFileSync(script, 'utf8').replace('max_iter=1000', 'max_iter=2000'))
  const again = await run('train', 'species')
  expect([again.code, /species@2/.test(again.said)]).toEqual([0, true])
  const report = (await run('models', 'test', 'species@2')).said
  expect(report).not.toMatch(/Traceback|bug in Millrace/)
  const rollout = await run('deploy', 'species-api')
  expect(rollout.said).toMatch(/species@2/)
  expect(rollout.code).toBe(0)
}, 1_200_000)

it.each(boosters)(
  'a booster of %s is trained, held to its own scores, and deployed',
  async house => {
    const { code, said } = await run('train', house)
    expect([code, new RegExp(`${house}@1 +accuracy 0\\.\\d+ +auc 0\\.[89]`).test(said)], said).toEqual([0, true])
    expect((await run('deploy', `${house}-api`)).said).toMatch(new RegExp(`stable ${house}@1`))
  },
  600_000,
)

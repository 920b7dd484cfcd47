import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { graph, writeModel } from '../src/onnx/index.ts'
import { inside } from './support/inside.ts'
import type { Said } from './support/command.ts'
import { refused } from './support/refused.ts'

// What commands write for other systems: each flag by what it changes in the file, and what is refused.

let root: string
const run = (...words: string[]): Promise<Said> => inside(root, words)
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-written-'))
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  writeFileSync(join(root, 'data', 'a.csv'), 'id\n1\n')
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'orders', type: 'module' }))
  define()
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: root })
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function define(settings = ''): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, gbt, model, project, t } from 'millrace'
const orders = dataset('orders', { source: csv('data/*.csv'), columns: { id: t.int(), at: t.timestamp('UTC'), x: t.float() }, eventTime: 'at', expect: c => [c.id.unique()] })
const m = model('late', { task: 'regression', from: orders, label: c => c.x, inputs: c => ({ id: c.id }), split: { by: 'time', train: '2d', test: '1d' }, train: gbt({ trees: 1 }) })
export default project('orders', { orders, m, api: deployment('api', { model: m }) }${settings})
`,
  )
}

/** Of each system the file that it reads, and how a schedule and a branch stand in it. */
const systems = {
  github: { schedule: /cron: ["']?5 6 \* \* 1/, node: /node-version: ["']?22/ },
  azure: { schedule: /cron: ["']?5 6 \* \* 1/, node: /versionSpec: 22/ },
  // its schedules are settings of the project: the file says which
  gitlab: { schedule: /5 6 \* \* 1/, node: /node:22/ },
  jenkins: { schedule: /TZ=UTC\\n5 6 \* \* 1/, node: /Node\.js 22/ },
} as const

describe.each(Object.entries(systems))('ci %s', (system, { schedule, node }) => {
  const text = async (...more: string[]): Promise<string> => (await run('ci', system, '--print', ...more)).out

  test('has its branch, schedule and version of Node.js', async () => {
    const plain = await text()
    if (system === 'jenkins') refused(await run('ci', system, '--branch', 'release/7'), 2, 'MR1101', '--branch')
    else expect(await text('--branch', 'release/7')).toContain('release/7')
    expect(plain).not.toContain('release/7')
    const other = await text('--schedule', '5 6 * * 1')
    expect(other).toMatch(schedule)
    expect(plain).toContain('17 4 * * *')
    expect(await text('--node', '22')).toMatch(node)
    expect(plain).not.toMatch(node)
    refused(await run('ci', system, '--print', '--schedule', 'daily'), 2, 'MR3301')
    if (system !== 'jenkins') refused(await run('ci', system, '--branch', 'two words'), 2, 'MR3301')
    refused(await run('ci', system, '--print', '--node', 'new'), 2, 'MR3301')
  })

  test('trains and tests its model, and leaves that out where it is not wanted', async () => {
    expect(await text()).toContain('npx millrace train late --junit')
    expect(await text('--no-tests')).not.toContain('millrace train')
  })

  test('is printed, written once, left alone when it was changed, and replaced by force', async () => {
    const said = await run('ci', system)
    const file = /^Wrote (.+)\.$/m.exec(said.out)?.[1] as string
    expect(read(file)).toBe(await text())
    expect((await run('ci', system)).out).toContain('says this already')
    writeFileSync(join(root, file), '# mine\n')
    await run('ci', system, '--print')
    refused(await run('ci', system), 2, 'MR3300', '--force')
    expect(read(file)).toBe('# mine\n')
    expect(await run('ci', system, '--force')).toMatchObject({ code: 0 })
    expect(read(file)).toBe(await text())
  })

  test.skipIf(system !== 'github' && system !== 'jenkins')(
    'leaves code scanning out where it is not wanted',
    async () => {
      expect(await text()).toMatch(/sarif/i)
      const less = await text('--no-sarif')
      expect(less).not.toMatch(/upload-sarif|recordIssues/)
      expect(await text()).toMatch(/upload-sarif|recordIssues/)
    },
  )
})

describe('k8s render', () => {
  const image = `registry.example.org/orders@sha256:${'a'.repeat(64)}`
  const objects = async (...more: string[]): Promise<string> =>
    (await run('k8s', 'render', '--image', image, '--print', ...more)).out

  test('has the image, the replicas and the access mode that it is told', async () => {
    const plain = await objects()
    expect(plain).toContain(image)
    expect(plain).toMatch(/replicas: 1\b/)
    expect(plain).toMatch(/ReadWriteOnce/)
    // several share one store, which a file cannot be
    refused(
      await run('k8s', 'render', '--image', image, '--replicas', '2', '--access-mode', 'ReadWriteMany'),
      2,
      'SQLite',
    )
    define(", { metadata: { kind: 'postgres', urlFrom: 'DATABASE_URL' } }")
    const wide = await objects('--replicas', '3', '--access-mode', 'ReadWriteMany')
    expect(wide).toMatch(/replicas: 3\b/)
    expect(wide).toMatch(/ReadWriteMany/)
    expect(wide).not.toMatch(/ReadWriteOnce/)
    const scaled = await objects('--replicas', '2', '--access-mode', 'ReadWriteMany', '--max-replicas', '9')
    expect(scaled).toMatch(/maxReplicas: 9\b/)
    expect(scaled).not.toMatch(/^ {2}replicas:|type: Pods/m)
    const more = ['--replicas', '2', '--access-mode', 'ReadWriteMany', '--max-replicas', '9', '--scale-metric', 'a=5k']
    expect(await objects(...more)).toMatch(/averageValue: "?5k/)
    refused(await run('k8s', 'render', '--image', image, '--max-replicas', '0'), 2, 'MR3340', 'at most 0')
    refused(await run('k8s', 'render', '--print'), 2, 'MR3340', '--image')
    refused(await run('k8s', 'render', '--image', image, '--replicas', '2'), 2, 'MR3340', 'one node')
    define()
    expect(await objects('--tls-secret', 'orders-tls')).toMatch(/secretName: orders-tls/)
    expect(await objects()).not.toMatch(/--tls-cert|Kustomization/)
    refused(await run('k8s', 'render', '--image', image, '--tls-secret', 'A_b'), 2, 'MR3340', 'Secret')
    refused(await run('k8s', 'render', '--image', image, '--replicas', 'many'), 2, 'MR3340')
    refused(await run('k8s', 'render', '--image', image, '--access-mode', 'Any'), 2, 'MR3340')
    refused(await run('k8s', 'render', '--image', 'Not An Image'), 2, 'MR3340')
  })

  test('writes where it is told, and nothing with --print', async () => {
    await objects()
    expect(existsSync(join(root, 'k8s'))).toBe(false)
    expect(await run('k8s', 'render', '--image', image)).toMatchObject({ code: 0 })
    expect(await run('k8s', 'render', '--image', image, '--out', 'elsewhere')).toMatchObject({ code: 0 })
    expect(readdirSync(join(root, 'elsewhere'))).toEqual(readdirSync(join(root, 'k8s')))
  })
})

describe('import', () => {
  const rules = {
    'great-expectations': [
      'suite.json',
      JSON.stringify({
        name: 'orders.warning',
        expectations: [
          { type: 'expect_column_values_to_not_be_null', kwargs: { column: 'id' } },
          { type: 'expect_nobody_knows_this', kwargs: {} },
        ],
      }),
    ],
    soda: ['checks.yml', 'checks for orders:\n  - missing_count(id) = 0\n  - nobody_knows(id) = 0\n'],
    pandera: [
      'schema.yaml',
      'schema_type: dataframe\nversion: 0.20.0\ncolumns:\n  id:\n    dtype: int64\n    nullable: false\n    checks:\n      nobody_knows: 3\n',
    ],
    dbt: [
      'schema.yml',
      'version: 2\nmodels:\n  - name: orders\n    columns:\n      - name: id\n        tests: [not_null, nobody.knows_this]\n',
    ],
  } as const

  test.each(Object.entries(rules))(
    '%s goes to a file once, replaces it by force, and is strict about what is left out',
    async (tool, [file, text]) => {
      writeFileSync(join(root, file), text)
      const bring = (...more: string[]) => run('import', tool, file, ...more)
      const shown = await bring()
      expect(shown.code, shown.said).toBe(0)
      expect(shown.out).toContain('dataset(')
      expect((await bring('--strict')).code).toBe(1)
      const out = `${tool}.ts`
      expect(await bring('--out', out)).toMatchObject({ code: 0 })
      const written = read(out)
      expect(written).toContain('dataset(')
      writeFileSync(join(root, out), '// mine\n')
      refused(await bring('--out', out), 2, 'MR1205')
      expect(read(out)).toBe('// mine\n')
      expect(await bring('--out', out, '--force')).toMatchObject({ code: 0 })
      expect(read(out)).toBe(written)
      expect((await bring('--source', 'in/*.parquet')).out).toContain("parquet('in/*.parquet')")
      expect((await bring('--dataset', 'orders')).out).toContain("csv('data/*.csv')")
      refused(await bring('--dataset', 'nothing'), 2, 'MR1006', 'orders')
    },
  )

  test('sklearn-scaler writes its figures where it is told, and takes nothing that is no scaler', async () => {
    writeFileSync(join(root, 'scaler.json'), JSON.stringify({ mean_: [1, -2], scale_: [4, 0.5] }))
    expect((await run('import', 'sklearn-scaler', 'scaler.json')).out).toContain(
      'StandardScaler of 2 features, from json',
    )
    expect(existsSync(join(root, 'figures.json'))).toBe(false)
    expect(await run('import', 'sklearn-scaler', 'scaler.json', '--out', 'figures.json')).toMatchObject({ code: 0 })
    const { features } = JSON.parse(read('figures.json')) as { features: { offset: number; scale: number }[] }
    expect(features.map(one => [one.offset, one.scale])).toEqual([
      [1, 4],
      [-2, 0.5],
    ])
    refused(await run('import', 'sklearn-scaler', 'gone.json'), 2, 'MR1109', 'gone.json')
    const builder = graph('bend')
    builder.input('X', 'double', ['N', 2])
    builder.node('Tanh', ['X'], 'scaled')
    builder.output('scaled', 'double', ['N', 2])
    writeFileSync(join(root, 'bend.onnx'), writeModel(builder.build(), {}, ''))
    refused(await run('import', 'sklearn-scaler', 'bend.onnx'), 2, 'MR1206', 'Tanh')
  })
})

describe('image', () => {
  test('is named, laid and archived as it is told, and refused where it cannot be', async () => {
    const tag = 'registry.example.org/orders:1'
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ name: 'orders', lockfileVersion: 3, packages: {} }))
    refused(await run('image', 'build', '--node', 'none'), 2, 'MR3312', 'bundled or base')
    refused(await run('image', 'build', '--tag', 'Not A Name'), 2, 'MR3310')
    refused(await run('image', 'build', '--base', 'docker.io/library/node:22'), 2, 'MR3311', 'sha256')
    refused(await run('image', 'build', '--node', 'base'), 2, 'MR3312', '--base')
    refused(await run('image', 'push', tag, '--from', 'nowhere'), 2, 'MR3313', 'nowhere')
    // nobody listens there; without --insecure it is asked by TLS, with it in the clear
    for (const more of [[], ['--insecure']])
      refused(await run('image', 'build', ...more, '--base', `127.0.0.1:9/x@sha256:${'0'.repeat(64)}`), 3, 'MR3320')
  })
})

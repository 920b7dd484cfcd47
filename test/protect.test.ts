import { mkdtemp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqlite } from '../src/adapters/metadata/sqlite/open.ts'
import { testOne } from '../src/app/test-version.ts'
import { type Keyring, openKeyring } from '../src/config/keyring.ts'
import { openWorkspace } from '../src/config/workspace.ts'
import { csv, dataset, deployment, expect as must, gbt, model, project, t } from '../src/index.ts'
import type { Digest } from '../src/internal/digest.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { systemClock } from '../src/adapters/clock/system.ts'
import { datasetStep } from '../src/stages/pipeline/dataset-steps.ts'
import { startTraining } from '../src/stages/pipeline/run.ts'
import { verifyAudit } from '../src/stages/protect/audit/verify.ts'
import { LiveServing } from '../src/stages/serve/serving.ts'

const before = process.env.MILLRACE_KEY_PASSPHRASE
beforeEach(() => {
  process.env.MILLRACE_KEY_PASSPHRASE = 'correct horse battery staple'
})
afterEach(() => {
  if (before === undefined) delete process.env.MILLRACE_KEY_PASSPHRASE
  else process.env.MILLRACE_KEY_PASSPHRASE = before
})

async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...(await filesBelow(path)))
    else found.push(path)
  }
  return found
}

/** The keyring of a project alone, its anchors in the project's own store. */
async function openedKeyring(root: string): Promise<Keyring> {
  const folder = join(root, '.millrace')
  const store = await openSqlite(join(folder, 'millrace.db'))
  const keyring = await openKeyring({ project: project('p', {}), root, folder, store, clock: systemClock() })
  return { ...keyring, close: () => keyring.close().then(() => store.close()) }
}

it('keeps quarantined personal data encrypted, masked in samples, and every use of the key in the log', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  const rows = Array.from({ length: 500 }, (_, i) => `${i},person${i}@example.org,${i === 7 ? -5 : 30}`)
  await writeFile(join(root, 'data/people.csv'), `id,mail,age\n${rows.join('\n')}\n`)
  const people = dataset('people', {
    source: csv('data/people.csv'),
    columns: { id: t.int(), mail: t.pii(t.text()), age: t.int() },
    key: ['id'],
    encryptWith: 'people',
    expect: c => [c.age.between(0, 150), must.that(c.mail.ne(''))],
  })
  const keyring = await openedKeyring(root)
  await keyring.keys.create('people', 'operator')
  await keyring.keys.grant('people', 'pipeline', ['kms:GenerateDataKey'], 'operator')
  await keyring.keys.grant('people', 'auditor', ['kms:Decrypt'], 'operator')
  await keyring.close()

  const workspace = await openWorkspace(root, { project: project('p', { people }) })
  const engine = await workspace.engineOf()
  const result = await engine.run({ name: 'ingest', steps: [await datasetStep(workspace, people, null)] })
  expect(result.status).toBe('succeeded')
  const outputs = result.steps[0]?.outputs
  const quarantine = outputs?.quarantine?.digest as Digest

  const [report] = await workspace.store.listReports({ kind: 'validation' })
  expect(report?.checks.find(check => check.kind === 'between')?.sample).toMatchObject([{ id: 7, age: -5 }])
  expect(JSON.stringify(report)).not.toContain('person7@')
  // the pipeline may write under the key, and not read: the auditor may
  await expect(workspace.artifacts.get(quarantine)).rejects.toMatchObject({
    code: expect.stringMatching(/^MR6/) as string,
  })
  await workspace.close()
  const audited = await openWorkspace(root, { project: project('p', { people }), principal: 'auditor' })
  expect(Buffer.from((await audited.artifacts.get(quarantine)).subarray(0, 4)).toString()).toBe('PAR1')
  await audited.artifacts.wipe()
  await audited.close()

  // The good rows are the snapshot and hold their own mails; the one bad row stands nowhere in clear
  for (const path of await filesBelow(join(root, '.millrace')))
    expect([path, (await readFile(path)).includes('person7@example')]).toEqual([path, false])
  expect((await verifyAudit(join(root, '.millrace/audit'))).ok).toBe(true)
  const log = (
    await Promise.all((await filesBelow(join(root, '.millrace/audit'))).map(path => readFile(path, 'utf8')))
  ).join('\n')
  expect(log).toContain('keys.generateDataKey')
  expect(log).toContain('keys.unwrap')
})

it.each([
  ['frames and models of sensitive data', 'people'],
  ['frames of sensitive data and what models keep of their rows', undefined],
])('keeps snapshots, %s sealed, and opens them for those with a grant only', async (_, key) => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  const random = seeded(5)
  const lines = Array.from({ length: 3_000 }, (_, i) => {
    const age = 20 + random.below(60)
    const at = new Date(Date.UTC(2026, 0, 1) + i * 900_000).toISOString().replace('T', ' ').slice(0, 19)
    return `${at},person${i}@example.org,${age},${random.next() < age / 100}`
  })
  await writeFile(join(root, 'data/people.csv'), `at,mail,age,ill\n${lines.join('\n')}\n`)
  const people = dataset('people', {
    source: csv('data/people.csv'),
    columns: { at: t.timestamp('UTC'), mail: t.pii(t.text()), age: t.int(), ill: t.bool() },
    eventTime: 'at',
    encryptWith: 'people',
  })
  const health = model('health', {
    task: 'binary',
    from: people,
    label: c => c.ill,
    inputs: c => ({ age: c.age }),
    split: { by: 'time', train: '20d', test: '5d' },
    train: gbt({ trees: 5 }),
    ...(key === undefined ? {} : { encryptWith: key }),
  })
  const api = deployment('api', { model: health })
  const own = project('p', { people, health, api })
  const keyring = await openedKeyring(root)
  await keyring.keys.create('people', 'operator')
  await keyring.keys.grant('people', 'pipeline', ['kms:GenerateDataKey', 'kms:Decrypt'], 'operator')
  await keyring.keys.grant('people', 'serving', ['kms:Decrypt'], 'operator')
  await keyring.close()

  let workspace = await openWorkspace(root, { project: own })
  const request = { model: health, trigger: 'manual', stepEnvironment: null, runEnvironment: {} }
  const run = await (await startTraining(workspace, await workspace.engineOf(), request)).done
  expect([run.status, run.error]).toEqual(['succeeded', undefined])
  const [version] = await workspace.store.listModelVersions('health')
  const facts = version?.facts as Record<string, Digest>
  const answers = [version?.digest, facts.card, facts.scaler] as Digest[]
  const reference = run.steps.find(step => step.step === 'train-health')?.outputs?.reference?.digest
  const rows = ['data:people', 'frame', 'golden', 'profile', 'explanation', 'figures'].map(name => facts[name])
  const sealed = [...rows, reference, ...(key === undefined ? [] : answers)] as Digest[]
  // a second run finds all of it in place
  const again = await (await startTraining(workspace, await workspace.engineOf(), request)).done
  expect(again.steps.filter(step => step.status === 'reused').length).toBeGreaterThanOrEqual(4)
  await workspace.close()

  // At rest none of it is in clear, under its own digest or elsewhere
  const { openArtifacts } = await import('../src/adapters/artifacts/fs/open.ts')
  const bare = await openArtifacts(join(root, '.millrace/artifacts'))
  for (const digest of sealed)
    await expect(bare.get(digest)).rejects.toMatchObject({ code: expect.stringMatching(/^MR/) })
  for await (const { digest } of bare.list()) {
    const start = Buffer.from((await bare.get(digest)).subarray(0, 8)).toString('latin1')
    expect(start.startsWith('PAR1')).toBe(false)
  }
  for (const path of await filesBelow(join(root, '.millrace')))
    expect([path, (await readFile(path)).includes('person7@example')]).toEqual([path, false])
  expect(await filesBelow(join(root, '.millrace/in-clear')).catch(() => [])).toEqual([])

  // The server reads it with its own grant
  workspace = await openWorkspace(root, { project: own, principal: 'serving' })
  const serving = await LiveServing.open(workspace, await workspace.online())
  await serving.get('api')?.rollOut(1, 'test')
  const [answer] = (await serving.get('api')?.predict([{ row: { age: 70 } }])) ?? []
  expect(answer?.score).toBeGreaterThan(0.5)
  const path = await workspace.artifacts.localPath(facts['data:people'] as Digest)
  expect((await stat(path)).mode & 0o077).toBe(0)
  await serving.close()
  await workspace.close()
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })

  workspace = await openWorkspace(root, { project: own, principal: 'stranger' })
  await expect(workspace.artifacts.get(facts.golden as Digest)).rejects.toMatchObject({ code: 'MR6013' })
  if (key === undefined) for (const digest of answers) expect((await bare.get(digest)).length).toBeGreaterThan(0)
  await workspace.close()
  expect((await verifyAudit(join(root, '.millrace/audit'))).ok).toBe(true)
  const log = (
    await Promise.all((await filesBelow(join(root, '.millrace/audit'))).map(one => readFile(one, 'utf8')))
  ).join('\n')
  for (const who of ['"pipeline"', '"serving"', '"stranger"']) expect(log).toContain(who)
})

it('says in the report of a red test of personal inputs which rule broke and not whose row, and keeps no counterexample', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  const random = seeded(6)
  const lines = Array.from({ length: 2_000 }, (_, i) => {
    const age = 20 + random.below(60)
    const at = new Date(Date.UTC(2026, 0, 1) + i * 900_000).toISOString().slice(0, 19)
    return `${at},person${i % 5}@example.org,${age},${random.next() < age / 100}`
  })
  await writeFile(join(root, 'data/people.csv'), `at,mail,age,ill\n${lines.join('\n')}\n`)
  const people = dataset('people', {
    source: csv('data/people.csv'),
    columns: { at: t.timestamp('UTC'), mail: t.pii(t.text()), age: t.int(), ill: t.bool() },
    eventTime: 'at',
    encryptWith: 'people',
  })
  const health = model('health', {
    task: 'binary',
    from: people,
    label: c => c.ill,
    inputs: c => ({ age: c.age, mail: c.mail }),
    split: { by: 'time', train: '15d', test: '5d' },
    train: gbt({ trees: 5 }),
    test: m => [m.monotone('age', 'decreasing', { severity: 'warning' })],
  })
  const keyring = await openedKeyring(root)
  await keyring.keys.create('people', 'operator')
  await keyring.keys.grant('people', 'pipeline', ['kms:GenerateDataKey', 'kms:Decrypt'], 'operator')
  await keyring.close()
  const workspace = await openWorkspace(root, { project: project('p', { people, health }) })
  const request = { model: health, trigger: 'manual', stepEnvironment: null, runEnvironment: {} }
  const run = await (await startTraining(workspace, await workspace.engineOf(), request)).done
  expect([run.status, run.error]).toEqual(['succeeded', undefined])
  const [report] = await workspace.store.listReports({ kind: 'model' })
  // and the same of the registered version, tested anew
  const again = await testOne(workspace, { version: 'health@1' })
  for (const { checks } of [report as NonNullable<typeof report>, again])
    expect(checks.find(check => check.kind === 'monotone')).toMatchObject({
      status: 'fail',
      sample: [{ mail: '•••', 'age before': expect.any(Number) }],
    })
  expect(await workspace.store.listDocuments('counterexamples')).toEqual([])
  await workspace.artifacts.wipe()
  await workspace.close()
  for (const path of await filesBelow(join(root, '.millrace')))
    expect([path, /person\d@example/.test(await readFile(path, 'latin1'))]).toEqual([path, false])
})

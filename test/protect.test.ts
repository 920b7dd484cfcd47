import { mkdtemp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openKeyring } from '../src/config/keyring.ts'
import { openWorkspace } from '../src/config/workspace.ts'
import { csv, dataset, expect as must, project, t } from '../src/index.ts'
import { systemClock } from '../src/adapters/clock/system.ts'
import { datasetStep } from '../src/stages/pipeline/dataset-steps.ts'
import { verifyAudit } from '../src/stages/protect/audit/verify.ts'
import { unprotect, type Envelope } from '../src/stages/protect/envelope.ts'

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
  const keyring = await openKeyring(join(root, '.millrace'), systemClock())
  await keyring.keys.create('people', 'operator')
  await keyring.keys.grant('people', 'pipeline', ['kms:GenerateDataKey'], 'operator')
  await keyring.keys.grant('people', 'auditor', ['kms:Decrypt'], 'operator')
  await keyring.close()

  const workspace = await openWorkspace(root, { project: project('p', { people }) })
  const engine = await workspace.engineOf()
  const result = await engine.run({ name: 'ingest', steps: [await datasetStep(workspace, people, null)] })
  expect(result.status).toBe('succeeded')
  const outputs = result.steps[0]?.outputs
  const envelope = JSON.parse(
    Buffer.from(await workspace.artifacts.get(outputs?.quarantine?.digest as never)).toString(),
  ) as Envelope

  const [report] = await workspace.store.listReports({ kind: 'validation' })
  expect(report?.checks.find(check => check.kind === 'between')?.sample).toMatchObject([{ id: 7, age: -5 }])
  expect(JSON.stringify(report)).not.toContain('person7@')
  const keys = await workspace.keys()
  const protection = { artifacts: workspace.artifacts, keys }
  expect(
    Buffer.from((await unprotect({ ...protection, principal: 'auditor' }, envelope)).subarray(0, 4)).toString(),
  ).toBe('PAR1')
  await expect(unprotect({ ...protection, principal: 'stranger' }, envelope)).rejects.toMatchObject({
    code: expect.stringMatching(/^MR6/),
  })
  await workspace.close()

  // The good rows are the snapshot and hold their own mails; the one bad row stands nowhere in clear
  for (const path of await filesBelow(join(root, '.millrace')))
    expect([path, (await readFile(path)).includes('person7@example')]).toEqual([path, false])
  expect((await verifyAudit(join(root, '.millrace/audit'))).ok).toBe(true)
  const log = (
    await Promise.all((await filesBelow(join(root, '.millrace/audit'))).map(path => readFile(path, 'utf8')))
  ).join('\n')
  expect(log).toContain('keys.generateDataKey')
  expect(log).toContain('"stranger"')
})

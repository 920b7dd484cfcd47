import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openArtifacts } from '../adapters/artifacts/fs/open.ts'
import { command, csv, dataset, model, project, t } from '../index.ts'
import { digestBytes } from '../internal/digest.ts'
import { gitEnvironment } from '../internal/git-environment.ts'
import { runEnvironment, stepEnvironment } from './environment.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-environment-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const rows = dataset('rows', { source: csv('rows.csv'), columns: { x: t.float(), y: t.float() } })
const made = model('late', {
  task: 'regression',
  from: rows,
  label: c => c.y,
  inputs: c => ({ x: c.x }),
  split: { by: 'random', test: 0.2 },
  train: command(['sh', 'train.sh'], { files: ['train.sh'] }),
})

it('a step rests on the major version of Node.js and on the nearest lockfile above it', async () => {
  const node = process.versions.node.split('.')[0]
  const inner = join(root, 'packages', 'models')
  mkdirSync(inner, { recursive: true })
  // Above the temporary folder there is none
  expect(await stepEnvironment(inner)).toEqual({ node, lockfile: null })
  writeFileSync(join(root, 'package-lock.json'), '{"a":1}')
  expect(await stepEnvironment(inner)).toEqual({ node, lockfile: digestBytes(Buffer.from('{"a":1}')) })
  writeFileSync(join(inner, 'package-lock.json'), '{"a":2}')
  expect(await stepEnvironment(inner)).toEqual({ node, lockfile: digestBytes(Buffer.from('{"a":2}')) })
})

it('a run records the commit, whether the code is as committed, and what is not: of trainers too', async () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { env: gitEnvironment() })
      .toString()
      .trim()
  const artifacts = await openArtifacts(join(root, '.millrace', 'artifacts'))
  const recorded = () => runEnvironment({ root, artifacts, project: project('p', { rows, made }) })
  writeFileSync(join(root, 'millrace.config.ts'), 'export default 1\n')
  writeFileSync(join(root, 'train.sh'), 'echo 1\n')
  const machine = { node: process.version, platform: `${process.platform}-${process.arch}`, lockfile: null }
  expect(await recorded()).toMatchObject({ commit: null, dirty: null, diff: null, ...machine })
  git('init', '-q')
  git('add', 'millrace.config.ts')
  git('commit', '-qm', 'first')
  // The trainer's script is no import of the project file, and git does not know it
  const unknown = await recorded()
  expect(unknown).toMatchObject({ commit: git('rev-parse', 'HEAD'), dirty: true, ...machine })
  git('add', 'train.sh')
  git('commit', '-qm', 'second')
  const clean = await recorded()
  expect(clean).toMatchObject({ commit: git('rev-parse', 'HEAD'), dirty: false, diff: null })
  writeFileSync(join(root, 'train.sh'), 'echo 2\n')
  const changed = await recorded()
  expect(changed).toMatchObject({ commit: clean.commit, dirty: true })
  expect(changed.diff).not.toBe(unknown.diff)
  const kept: string[] = []
  for await (const { digest } of artifacts.list()) kept.push(Buffer.from(await artifacts.get(digest)).toString())
  expect(kept.some(text => text.includes('echo 2'))).toBe(true)
})

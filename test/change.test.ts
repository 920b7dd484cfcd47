import { readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type * as Workspaces from '../src/config/workspace.ts'
import {
  ask,
  asked,
  before,
  begin,
  changed,
  changes,
  configOf,
  done,
  end,
  fareRows,
  goesOn,
  original,
  plain,
  scores,
  serve,
} from './support/changing-project.ts'
import { inside } from './support/inside.ts'

// Changing the project file never stops or changes what runs: a version answers, is tested and is compared by what it was made
// with. Each change is made beside live deployments, through the command line and HTTP. In pairs: change.long.test.ts.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

beforeAll(begin)
afterAll(end)

interface Check {
  readonly id: string
  readonly status: string
  readonly message: string
}

describe.each(Object.entries(changes))('with %s', (what, change) => {
  it('what runs goes on as it was, and the next version challenges it', async () => {
    const root = await changed(change.parts)
    await goesOn(root)
    if (change.gone) {
      expect(await done(root, 'rollout', 'status', 'api')).toContain('millrace undeploy api')
      await done(root, 'undeploy', 'api')
      expect(await done(root, 'decisions', '--json')).toContain('"withdrawn"')
      const server = await serve(root)
      expect((await ask(server.url, 'api', asked)).status).toBe(404)
      expect((await ask(server.url, 'fares', fareRows)).status).toBe(200)
      await server.close()
      return
    }
    const model = change.parts.name ?? 'late'
    const trained = await inside(root, ['train', model, '--json'])
    if (change.train === 'refused') {
      expect(trained.code, trained.said).toBe(1)
      expect((await inside(root, ['models', 'test', 'late@1'])).code).toBe(1)
      return
    }
    // compared on the same rows, each by its own inputs; or it is said why not
    if (model === 'late') {
      const report = await championCheck(root)
      if (change.incomparable)
        expect(report).toMatchObject({ status: 'error', message: expect.stringMatching(change.incomparable) })
      else expect(report).toMatchObject({ status: 'pass', message: expect.stringContaining("champion's") })
    }
    if (change.incomparable) {
      // that it could not be compared is the user's to decide
      expect(trained.code, trained.said).toBe(1)
      const tests = change.parts.tests === undefined ? "m.metric('auc', { min: 0.6 })" : "m.metric('rmse', { max: 80 })"
      await writeFile(join(root, 'millrace.config.ts'), configOf({ ...original, ...change.parts, tests }))
      await done(root, 'train', model)
    } else expect(trained.code, trained.said).toBe(0)
    if (what === 'another task') {
      const refused = await inside(root, ['deploy', 'api'])
      expect(refused).toMatchObject({ code: 2, said: expect.stringContaining('MR4110') })
      return
    }
    await done(root, 'deploy', 'api')
    const server = await serve(root)
    try {
      const rows = asked.map(row => ({ ...row, ...(change.request?.seats === undefined ? change.request : {}) }))
      expect(plain(await scores(server.url, 'api', rows))).toEqual(before.api)
      const rollout = async () => {
        const { status } = (await (await fetch(`${server.url}/v1/deployments/api`)).json()) as {
          status: { rollout: { shadow: { rows: number }; config: { challenger: string } } }
        }
        return status.rollout
      }
      expect((await rollout()).config.challenger).toBe(`${model}@${model === 'late' ? 2 : 1}`)
      // callers do not wait for a challenger
      await expect.poll(async () => (await rollout()).shadow.rows).toBe(change.request ? 0 : asked.length)
    } finally {
      await server.close()
    }
    await done(root, 'rollout', 'promote', 'api')
    expect(await done(root, 'rollout', 'status', 'api')).toMatch(/100 % of traffic|stable is/)
  })
})

/** What the newest report on the model says of the champion. */
async function championCheck(root: string): Promise<Check | undefined> {
  const { openWorkspace } = (await import(resolve('dist/config/workspace.js'))) as typeof Workspaces
  const workspace = await openWorkspace(root)
  try {
    const [report] = await workspace.store.listReports({ kind: 'model', subject: 'late', limit: 1 })
    return report?.checks.find(one => one.id.endsWith('-vs-champion'))
  } finally {
    await workspace.close()
  }
}

it('a version that is damaged takes down its own deployment, and says so', async () => {
  const root = await changed({ threshold: 'threshold: 0.3,' })
  await done(root, 'train', 'late')
  const shown = JSON.parse(await done(root, 'models', 'show', 'late@1', '--json')) as { facts: { declaration: string } }
  const digest = shown.facts.declaration.replace('sha256:', '')
  const found = (await readdir(join(root, '.millrace', 'artifacts'), { recursive: true })).find(name =>
    name.replaceAll('/', '').includes(digest.slice(4)),
  )
  await writeFile(join(root, '.millrace', 'artifacts', found as string), '{}')
  const server = await serve(root)
  try {
    expect(plain(await scores(server.url, 'fares', fareRows))).toEqual(before.fares)
    const { status, body } = await ask(server.url, 'api', asked)
    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'MR4109' } })
  } finally {
    await server.close()
  }
  expect(await done(root, 'deploy', 'api')).toContain('late@2')
  const again = await serve(root)
  expect((await ask(again.url, 'api', asked)).status).toBe(200)
  await again.close()
})

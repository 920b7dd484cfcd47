import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { inside as millrace } from '../support/inside.ts'
import { runningProject, startUp } from '../support/running.ts'

it('the registry says what is the same file, where a rebuild came from, and what a run found', async () => {
  const root = await runningProject('')
  for (let i = 0; i < 2; i++) expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })

  const list = await millrace(root, ['models', 'list'])
  expect(list.out).toMatch(/lateness@2 .*= @1/)
  expect(list.out).not.toMatch(/lateness@1 .*= @/)
  const versions = JSON.parse((await millrace(root, ['models', 'list', '--json'])).out) as { sameAs: number | null }[]
  expect(versions.map(one => one.sameAs)).toEqual([1, null])
  expect((await millrace(root, ['models', 'show', 'lateness@2'])).out).toContain('the same file as lateness@1')

  const lineage = await millrace(root, ['lineage', 'lateness@2'])
  expect(Math.max(...lineage.out.split('\n').map(line => line.length))).toBeLessThan(100)
  expect(lineage.out).toMatch(/made from\n.*\n(?:.*\n)* +data +validate-orders in run/)
  const edges = JSON.parse((await millrace(root, ['lineage', 'lateness@2', '--json'])).out) as {
    madeFrom: { from: string }[]
  }
  expect(edges.madeFrom.some(edge => /^sha256:[0-9a-f]{64}$/.test(edge.from))).toBe(true)

  const outside = await millrace(root, ['reproduce', 'lateness@1'])
  expect(outside).toMatchObject({ code: 0 })
  expect(outside.out).toContain('NOT from a commit')
  const git = (...words: readonly string[]): Buffer =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false', ...words], {
      cwd: root,
    })
  git('init', '-q')
  git('add', 'millrace.config.ts')
  git('commit', '-qm', 'one')
  expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
  const inside = JSON.parse((await millrace(root, ['reproduce', 'lateness@3', '--json'])).out) as unknown
  expect(inside).toMatchObject({
    same: true,
    origin: { from: 'commit', commit: git('rev-parse', 'HEAD').toString().trim() },
  })

  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  const [second, first] = (await store.listModelVersions('lateness')).slice(-2)
  const made = await store.listReports({ runId: first?.runId ?? '' })
  expect(made.map(report => report.kind).sort()).toEqual(['export', 'model', 'validation'])
  await store.close()
  const server = await startUp(root)
  const page = (await (await fetch(`${server.url}/v1/runs/${second?.runId}`)).json()) as {
    reports: { kind: string; runId: string }[]
  }
  // what the second run reused was found by the first
  expect(page.reports.map(report => report.kind).sort()).toEqual(['export', 'model', 'validation'])
  expect(page.reports.some(report => report.runId === first?.runId)).toBe(true)
  expect(await server.end('SIGTERM')).toBe(0)
})

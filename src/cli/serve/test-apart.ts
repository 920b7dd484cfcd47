import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../define/report.ts'
import { fail, reviveError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { seedOf } from '../../stages/evaluate/seed.ts'
import type { Apart } from './apart.ts'

type TestModel = (version: string, tests: unknown, seed: number | undefined) => Promise<Report>

/** Runs tests of versions by processes of their own, one after the other: each takes a core, and predictions need one. */
export function testApart(apart: Apart, store: Pick<MetadataStore, 'listReports'>, folder: string): TestModel {
  let line: Promise<unknown> = Promise.resolve()
  const run: TestModel = async (version, tests, given) => {
    const id = ulid()
    const seed = given ?? seedOf(id)
    const scratch = join(folder, 'scratch')
    const file = join(scratch, `tests-${id}.json`)
    if (tests !== undefined) {
      await mkdir(scratch, { recursive: true, mode: 0o700 })
      await writeFile(file, JSON.stringify(tests), { mode: 0o600 })
    }
    try {
      const own = tests === undefined ? [] : ['--tests', file]
      const words = ['models', 'test', version, '--json', '--seed', String(seed), ...own]
      const { exitCode, stdoutTail, stderrTail } = await (await apart.start(id, words)).outcome
      // What is printed may be long; the report is stored, and its seed tells it from others of the version
      const reports = exitCode > 1 ? [] : await store.listReports({ kind: 'model', subject: version, limit: 20 })
      const report = reports.find(one => one.evidence.seed === seed)
      if (report) return report
      throw errorIn(stdoutTail) ?? fail('unexpected', { reference: stderrTail.slice(-200) || `exit code ${exitCode}` })
    } finally {
      await rm(file, { force: true })
    }
  }
  return (version, tests, seed) => {
    const own = line.then(
      () => run(version, tests, seed),
      () => run(version, tests, seed),
    )
    line = own
    return own
  }
}

function errorIn(said: string): Error | undefined {
  try {
    return reviveError((JSON.parse(said) as { readonly error?: unknown } | null)?.error)
  } catch {
    return undefined
  }
}

import { openWorkspace } from '../config/workspace.ts'
import type { Columns, ColumnExpressions } from '../define/column.ts'
import { columnsOfDataset } from '../define/dataset.ts'
import type { Model } from '../define/model.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from '../define/model-test/index.ts'
import { outcomeOf, type CheckResult, type Report } from '../define/report.ts'
import { fail } from '../errors/index.ts'
import { ulid } from '../internal/ids.ts'
import { seedOf } from '../stages/evaluate/seed.ts'
import { testVersion } from '../stages/serve/test-version.ts'
import type { TestFunction } from './contract.ts'

/** `describe` and `test` of Vitest, node:test, Jest or Mocha. */
export interface TestFramework {
  describe(name: string, register: () => void): unknown
  readonly test: TestFunction
}

export interface DescribeModelOptions {
  /** Tests of one's own instead of the declared ones. */
  readonly tests?: (m: ModelTestBuilder<string>, c: ColumnExpressions<Columns>) => readonly ModelTest[]
  /** Draws the cases of an earlier run (default: others in every run). */
  readonly seed?: number
  /** The project's folder (default the working folder). */
  readonly root?: string
}

/** A test fails with what was found, and the rows that show it. */
function hold(check: CheckResult): Promise<void> {
  if (!['fail', 'error'].includes(outcomeOf(check))) return Promise.resolve()
  const rows = (check.sample ?? []).slice(0, 3).map(row => `\n  ${JSON.stringify(row)}`)
  return Promise.reject(new Error(`${check.message}\n  expected: ${check.threshold}${rows.join('')}`))
}

/**
 * Runs the tests of a version, `lateness@3` or `lateness` for its champion or else its newest one, and registers a test for
 * each check. What only warns passes, and says so in its name.
 */
export async function describeModel(
  { describe, test }: TestFramework,
  version: string,
  { tests, seed, root = process.cwd() }: DescribeModelOptions = {},
): Promise<Report> {
  const workspace = await openWorkspace(root)
  try {
    const [name = '', number] = version.split('@')
    const versions = await workspace.store.listModelVersions(name)
    const { champion } = await workspace.store.aliases(name)
    const record =
      number === undefined
        ? (versions.find(one => one.version === champion) ?? versions[0])
        : versions.find(one => String(one.version) === number)
    if (!record)
      throw fail('notDefined', {
        kind: 'model version',
        name: version,
        known: versions.map(one => `${one.model}@${one.version}`).join(', ') || 'no versions',
      })
    const { report } = await testVersion(workspace, record, {
      seed: seed ?? seedOf(ulid()),
      ...(tests
        ? {
            tests: (made: Model) =>
              tests(modelTests<string>(made.name, made), columnsOfDataset<Columns>(made.from.columns)),
          }
        : {}),
    })
    describe(`model ${report.subject}`, () => {
      for (const check of report.checks) {
        const outcome = outcomeOf(check)
        const remark = outcome === 'pass' || outcome === 'fail' ? '' : ` (${outcome}: ${check.message})`
        if (check.status === 'skipped') test.skip(`${check.id}${remark}`, () => Promise.resolve())
        else test(`${check.id}${remark}`, () => hold(check))
      }
    })
    return report
  } finally {
    await workspace.close()
  }
}

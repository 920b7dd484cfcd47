import type { Workspace } from '../config/workspace.ts'
import { testsFromJson } from '../define/model-test/from-json.ts'
import type { Report } from '../define/report.ts'
import { ulid } from '../internal/ids.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import { seedOf } from '../stages/evaluate/seed.ts'
import { testVersion } from '../stages/serve/test-version.ts'
import { versionOf } from './version-of.ts'

export interface TestInput {
  /** `lateness@3`; without a number the champion. */
  readonly version?: string | undefined
  /** These tests, as JSON, instead of the declared ones. */
  readonly tests?: unknown
  /** Draws the cases of an earlier run (default: others every time). */
  readonly seed?: number | undefined
}

type TestResult = Awaited<ReturnType<typeof testVersion>> & { readonly record: ModelVersion }

/** Runs the tests of a version on its exported file. */
export async function runTests(workspace: Workspace, { version, tests, seed }: TestInput): Promise<TestResult> {
  const record = await versionOf(workspace.store, version)
  const tested = await testVersion(workspace, record, {
    seed: seed ?? seedOf(ulid()),
    ...(tests === undefined ? {} : { tests: made => testsFromJson(tests, made) }),
  })
  return { ...tested, record }
}

/** The report of it alone. */
export async function testOne(workspace: Workspace, input: TestInput): Promise<Report> {
  return (await runTests(workspace, input)).report
}

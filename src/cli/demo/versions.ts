import { spansOfVersion } from '../../stages/register/version-parts.ts'
import { join } from 'node:path'
import { fail, isMillraceError } from '../../errors/index.ts'
import { digestFile } from '../../internal/digest.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { startTraining, type TrainRequest } from '../../stages/pipeline/run.ts'
import { months } from './data.ts'
import type { Stage } from './stage.ts'

async function train(stage: Stage, what: string, request: Partial<TrainRequest>): Promise<ModelVersion> {
  const { workspace, runs, model } = stage
  const run = await startTraining(workspace, runs, {
    model,
    trigger: 'manual',
    ...(await stage.environments()),
    ...request,
  })
  const result = await run.done
  const [version] = (await workspace.store.listModelVersions(model.name)).filter(one => one.runId === run.runId)
  if (version) return version
  const error = result.error as { readonly step?: string; readonly reason?: string } | undefined
  throw fail('stepFailed', { step: error?.step ?? what, run: run.runId, reason: error?.reason ?? result.status })
}

export function trainFirst(stage: Stage): Promise<ModelVersion> {
  return train(stage, 'the first version', {})
}

/**
 * Our own sabotage: the same months with distances in kilometres, through the same pipeline and its gates. They refuse it, by
 * name; then the change is declared, as if traffic were to change with it, and live traffic has to tell that it does not.
 */
export async function trainOnKilometres(
  stage: Stage,
  first: ModelVersion,
): Promise<{ readonly version: ModelVersion; readonly refusal: string }> {
  const { engine, root, month } = stage
  const path = join(root, 'data', 'kilometres.parquet')
  const files = months.slice(0, 3).map(name => engine.dialect.literal(month(name), 'text'))
  await engine.writeParquet(
    `SELECT * REPLACE (CAST(round(distance * 1.609344) AS BIGINT) AS distance) FROM read_parquet([${files.join(', ')}])`,
    path,
  )
  const file = { name: 'data/kilometres.parquet', path, ...(await digestFile(path)) }
  const spans = spansOfVersion(first)
  const what = 'the kilometre challenger'
  const request = { ...(spans ? { spans } : {}), files: new Map([['flights', [file]]]) }
  const taken = await train(stage, what, request).catch((error: unknown) => {
    if (!isMillraceError(error)) throw error
  })
  const refusal = taken ? '' : await unitsSaid(stage)
  const declared = { ...stage.model, units: { distance: 'kilometres' } }
  return { version: await train(stage, what, { ...request, model: declared }), refusal }
}

/** What the newest suite says of the units of a version's inputs. */
async function unitsSaid({ workspace }: Stage): Promise<string> {
  const [report] = await workspace.store.listReports({ kind: 'model', limit: 1 })
  return report?.checks.find(one => one.id === 'scaler-unit-change')?.message ?? ''
}

/** What the tests of a version said of it, before any traffic. */
export interface VersionComparison {
  /** AUC of challenger and champion on the same held-out rows; absent where the inputs are not the same. */
  readonly sameRows?: { readonly rows: number; readonly challenger: number; readonly champion: number }
}

/** What was said of the newest version. */
export async function testedOf({ workspace }: Stage): Promise<VersionComparison> {
  const [report] = await workspace.store.listReports({ kind: 'model', limit: 1 })
  const check = (id: string) => report?.checks.find(one => one.id === id)
  const compared = check('auc-vs-champion')
  if (!compared || compared.status === 'skipped') return {}
  const { challenger, champion } = compared.observed
  return { sameRows: { rows: compared.evaluated, challenger: Number(challenger), champion: Number(champion) } }
}

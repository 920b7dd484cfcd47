import { spansOfVersion } from '../../stages/register/version-parts.ts'
import { join } from 'node:path'
import { fail } from '../../errors/index.ts'
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

/** Our own sabotage: the same months with distances in kilometres, through the same pipeline and its gates. */
export async function trainOnKilometres(stage: Stage, first: ModelVersion): Promise<ModelVersion> {
  const { engine, root, month } = stage
  const path = join(root, 'data', 'kilometres.parquet')
  const files = months.slice(0, 3).map(name => engine.dialect.literal(month(name), 'text'))
  await engine.writeParquet(
    `SELECT * REPLACE (CAST(round(distance * 1.609344) AS BIGINT) AS distance) FROM read_parquet([${files.join(', ')}])`,
    path,
  )
  const file = { name: 'data/kilometres.parquet', path, ...(await digestFile(path)) }
  const spans = spansOfVersion(first)
  return train(stage, 'the kilometre challenger', {
    // Declared, so that it is live traffic that has to tell
    model: { ...stage.model, units: { distance: 'kilometres' } },
    ...(spans ? { spans } : {}),
    files: new Map([['flights', [file]]]),
  })
}

/** What the tests of a version said of it, before any traffic. */
export interface Tested {
  /** AUC of challenger and champion on the same held-out rows; absent where the inputs are not the same. */
  readonly sameRows?: { readonly rows: number; readonly challenger: number; readonly champion: number }
  /** What the scaler check says about units. */
  readonly units: string
}

/** What was said of the newest version. */
export async function testedOf({ workspace }: Stage): Promise<Tested> {
  const [report] = await workspace.store.listReports({ kind: 'model', limit: 1 })
  const check = (id: string) => report?.checks.find(one => one.id === id)
  const compared = check('auc-vs-champion')
  const units = check('scaler-unit-change')?.message ?? ''
  if (!compared || compared.status === 'skipped') return { units }
  const { challenger, champion } = compared.observed
  return { units, sameRows: { rows: compared.evaluated, challenger: Number(challenger), champion: Number(champion) } }
}

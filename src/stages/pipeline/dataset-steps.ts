import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import type { Decision } from '../../define/decision.ts'
import { compileDefinition } from '../../define/project.ts'
import type { Report } from '../../define/report.ts'
import type { StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { sourceFiles, type SourceFile } from '../validate/files.ts'
import { validate } from '../validate/validate.ts'
import { restsOnMore } from '../../define/expectation/index.ts'
import { readmissionsOf } from '../readmit/record.ts'
import { ownCode } from './code.ts'
import { saveUnder } from './save.ts'
import type { StageServices } from './services.ts'
import { datasetStepName, validationServices } from './validation.ts'

/** Largest share of rows that quarantine may take before the whole batch is refused. */
const mostQuarantined = 0.01

/**
 * The gate between data and everything that uses it: passes when nothing critical fails, or when what fails are rows
 * that can be set aside and they are few.
 */
export function gate(report: Report, dataset: Dataset, rows: number, quarantined: number, at: number): Decision {
  const failed = report.checks.filter(
    check =>
      (check.status === 'fail' || check.status === 'error') &&
      (check.severity === 'critical' || check.status === 'error'),
  )
  const rowLevel = new Set(dataset.expectations.filter(one => one.limits !== undefined).map(one => one.id))
  const whole = failed.filter(check => !rowLevel.has(check.id) || check.status === 'error')
  const share = rows === 0 ? 1 : quarantined / rows
  const refused = failed.length > 0 && (whole.length > 0 || !dataset.quarantine || share > mostQuarantined)
  const verdict = failed.length === 0 ? 'passed' : refused ? 'refused' : 'quarantined'
  const first = (whole[0] ?? failed[0])?.message ?? ''
  const reason =
    verdict === 'passed'
      ? `all ${report.checks.length} checks of ${dataset.name} hold`
      : verdict === 'quarantined'
        ? `${quarantined.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows were set aside; the others are accepted (${first})`
        : whole.length > 0
          ? `${dataset.name} is refused: ${first}`
          : `${dataset.name} is refused: ${(100 * share).toFixed(1)} % of its rows are bad (${first})`
  return {
    id: ulid(),
    kind: verdict === 'quarantined' ? 'quarantine' : 'gate',
    subject: `dataset ${dataset.name}`,
    at,
    verdict,
    reason,
    rule: { name: 'validation gate', threshold: mostQuarantined, statistic: 'quarantined share', value: share },
    inputs: { rows, quarantined, failed: failed.map(check => check.id) },
    evidence: [report.id],
    actor: 'system',
  }
}

/** Validation and snapshot of one dataset: outputs `data` (the good rows), `report`, and `quarantine` when rows failed. */
export async function datasetStep(
  services: StageServices,
  dataset: Dataset,
  environment: StepDefinition['environment'],
  files?: readonly SourceFile[],
): Promise<StepDefinition> {
  const found = files ?? (await sourceFiles(dataset, services.root))
  const present = new Set<string>(found.map(file => file.digest))
  const repairs = (await readmissionsOf(services.store, dataset)).filter(one =>
    one.contents.some(content => present.has(content)),
  )
  return {
    name: datasetStepName(dataset),
    inputs: Object.fromEntries(repairs.map(({ rows }, i) => [`readmitted-${i + 1}`, { from: rows }])),
    parameters: {
      definition: compileDefinition(dataset),
      files: found.map(file => ({ digest: file.digest, size: file.size })),
    },
    code: ownCode(),
    environment,
    // The clock, earlier evaluations and other datasets are no inputs
    ...(dataset.expectations.some(restsOnMore) ? { cache: 'never' as const } : {}),
    runsIn: 'inline',
    async run(context): Promise<StepResult> {
      const engine = await services.engine()
      context.progress(0.05, `reading ${dataset.source.path}`)
      const validation = await validate(await validationServices(services, dataset, repairs), dataset, {
        files: found,
      })
      try {
        const folder = await context.folder()
        if (dataset.encryptWith !== undefined) await chmod(folder, 0o700)
        context.progress(0.6, `${validation.rows.toLocaleString('en-US')} rows checked`)
        const quarantined = validation.split.refused
        const decision = gate(validation.report, dataset, validation.rows, quarantined, services.clock.now())
        const outputs: Record<string, StepResult['outputs'][string]> = {}
        const keep = async (name: string, sql: string, meta: Readonly<Record<string, Json>>) => {
          const path = join(folder, `${name}.parquet`)
          const rows = await engine.writeParquet(sql, path)
          const save = saveUnder(services, context, dataset.encryptWith)
          outputs[name] = await save('dataset', { file: path }, { rows, ...meta })
          if (dataset.encryptWith !== undefined) await rm(path)
        }
        if (validation.failing) await keep('quarantine', validation.failing.inOrder, {})
        const report: Report = {
          ...validation.report,
          evidence: {
            ...validation.report.evidence,
            quarantined,
            ...(outputs.quarantine ? { quarantine: outputs.quarantine.digest } : {}),
            files: found.map(file => file.digest),
          },
        }
        outputs.report = await context.save('report', JSON.stringify(report))
        if (decision.verdict !== 'refused') {
          const readmitted = repairs.reduce((sum, one) => sum + one.count, 0)
          await keep('data', validation.split.good, { quarantined, ...(readmitted > 0 ? { readmitted } : {}) })
        }
        await services.store.addReport({ ...report, runId: context.runId })
        return { outputs, decisions: [decision] }
      } finally {
        await validation.release()
      }
    },
  }
}

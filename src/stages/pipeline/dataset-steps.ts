import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { compileDefinition } from '../../define/project.ts'
import type { Report } from '../../define/report.ts'
import { isTable } from '../../define/source.ts'
import type { StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { sourceFiles, type SourceFile } from '../validate/files.ts'
import { validate } from '../validate/validate.ts'
import { restsOnMore } from '../../define/expectation/index.ts'
import { gate } from './gate.ts'
import { readmissionsOf } from '../validate/readmissions.ts'
import { ownCode } from './code.ts'
import { saveUnder } from './save.ts'
import type { StageServices } from '../services.ts'
import { datasetStepName, validationServices } from './validation.ts'

/**
 * Validation and snapshot of one dataset: outputs `data` (the good rows), `report`, and `quarantine` when rows failed. Only
 * its rows say whether a table is as it was: it is read anew each time, and what is made of the same rows is reused.
 */
export async function datasetStep(
  services: StageServices,
  dataset: Dataset,
  environment: StepDefinition['environment'],
  files?: readonly SourceFile[],
): Promise<StepDefinition> {
  const table = isTable(dataset.source)
  const found = table ? [] : (files ?? (await sourceFiles(dataset, services.root)))
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
    ...(table || dataset.expectations.some(restsOnMore) ? { cache: 'never' as const } : {}),
    runsIn: 'inline',
    async run(context): Promise<StepResult> {
      const engine = await services.engine()
      context.progress(0.05, `reading ${dataset.source.path}`)
      const given = table ? undefined : { files: found }
      const validation = await validate(await validationServices(services, dataset, repairs), dataset, given)
      try {
        const folder = await context.folder()
        if (dataset.encryptWith !== undefined) await chmod(folder, 0o700)
        context.progress(0.6, `${validation.rows.toLocaleString('en-US')} rows checked`)
        const { rows, split } = validation
        const { quarantined, failed } = split
        const decision = gate(validation.report, dataset, { rows, quarantined, failed }, services.clock.now())
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
            ...(outputs.quarantine ? { quarantine: outputs.quarantine.digest } : {}),
            files: found.map(file => file.digest),
          },
        }
        outputs.report = await context.save('report', JSON.stringify(report))
        if (decision.verdict !== 'refused') {
          await validation.ready('they become a snapshot')
          const readmitted = validation.repaired
          await keep('data', split.good, { quarantined, ...(readmitted > 0 ? { readmitted } : {}) })
        }
        await validation.unchanged()
        await services.store.addReport({ ...report, runId: context.runId })
        return { outputs, decisions: [decision] }
      } finally {
        await validation.release()
      }
    },
  }
}

import type { Dataset } from '../../define/dataset.ts'
import type { FeatureView } from '../../define/features.ts'
import type { Report } from '../../define/report.ts'
import { validate } from '../validate/validate.ts'
import type { StageServices } from '../services.ts'

/** A view that says what must hold of its vectors. */
export type ExpectedView = FeatureView & { readonly vectors: Dataset }

export const isExpected = (view: FeatureView): view is ExpectedView => view.vectors !== undefined

/** How many earlier evaluations a check may look back on. */
const lookBack = 200

/**
 * Holds vectors, a SELECT with the view's key columns and features, to what is expected of them. `of` says in words which vectors
 * they are; only reports of the same are looked back on.
 */
export async function judgeVectors(
  services: Pick<StageServices, 'engine' | 'clock' | 'root' | 'userCode' | 'openForeign' | 'store'>,
  { name, vectors }: ExpectedView,
  sql: string,
  of: string,
): Promise<Report> {
  const subject = `features ${name}`
  const validation = await validate(
    {
      engine: await services.engine(),
      clock: services.clock,
      root: services.root,
      ...(services.userCode ? { userCode: services.userCode } : {}),
      ...(services.openForeign ? { openForeign: services.openForeign } : {}),
      async history() {
        const reports = await services.store.listReports({ kind: 'validation', subject, limit: lookBack })
        return reports.filter(one => one.evidence.part === of).toReversed()
      },
    },
    vectors,
    { sql: `(${sql})`, label: `${of} of ${name}` },
  )
  try {
    const { report } = validation
    return { ...report, subject, evidence: { ...report.evidence, part: of } }
  } finally {
    await validation.release()
  }
}

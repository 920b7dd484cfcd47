import { personalColumns } from '../../define/dataset.ts'
import { columnsOf } from '../../define/expression/index.ts'
import { columnsOfFeature } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import type { CheckResult } from '../../define/report.ts'

/** Whether what an expression of a model reads under a name, `mail` or `orders.last_mail`, is made of personal data. */
function isPersonal({ from, views }: Pick<Model, 'from' | 'views'>, read: string): boolean {
  const [name = '', feature] = read.split('.')
  if (feature === undefined) return personalColumns(from).has(name)
  const view = views.find(one => one.name === name)
  if (view === undefined) return false
  const personal = personalColumns(view.from)
  return columnsOfFeature(view, feature).some(column => personal.has(column))
}

/** Inputs of a model that are made of personal data. */
export function personalInputs(model: Pick<Model, 'from' | 'views' | 'inputs'>): readonly string[] {
  return model.inputs
    .filter(({ node }) => columnsOf(node).some(read => isPersonal(model, read)))
    .map(({ name }) => name)
}

/** Checks whose samples show no value of those inputs: a report is kept in clear, whatever key protects its rows. */
export function withoutValuesOf(inputs: readonly string[], checks: readonly CheckResult[]): readonly CheckResult[] {
  if (inputs.length === 0) return checks
  const hidden = new Set(inputs.flatMap(name => [name, `${name} before`, `${name} after`]))
  return checks.map(check =>
    check.sample === undefined
      ? check
      : {
          ...check,
          sample: check.sample.map(row =>
            Object.fromEntries(Object.entries(row).map(([key, value]) => [key, hidden.has(key) ? '•••' : value])),
          ),
        },
  )
}

import type { Workspace } from '../config/workspace.ts'
import type { InputSpec } from '../define/model.ts'
import { fail, isMillraceError } from '../errors/index.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import type { InputColumn, InputRows } from '../ports/trainer.ts'
import type { ModelFigures } from '../stages/evaluate/figures/index.ts'
import { partDigest, readPart, versionName } from '../stages/register/version-parts.ts'
import { explained, openExplainer } from '../stages/serve/explanations.ts'
import { loadVersion } from '../stages/serve/served-version.ts'
import type { Explanation } from '../stages/serve/types.ts'
import { readFrame } from '../stages/train/read-frame.ts'
import { versionOf } from './version-of.ts'

/** Most rows that are explained at once. */
export const maxExplained = 100

export interface ExplainInput {
  /** `lateness@3`; without a number the champion. */
  readonly version?: string | undefined
  /** Rows by the names of the model's inputs, null for a missing value. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[] | undefined
  /** Without rows: so many of the held-out ones, evenly spaced. */
  readonly heldOut?: number | undefined
}

export interface VersionExplanation extends Explanation {
  readonly name: string
  /** Share of each input in the decisions, the largest first, and whose figure it is; empty where nobody knows. */
  readonly importance: ModelFigures['importance']
  readonly importanceIs: ModelFigures['importanceIs']
  /** By how much the loss of held-out rows rises without an input; null of very wide models. */
  readonly lossWithout: NonNullable<ModelFigures['lossWithout']> | null
}

/** What matters to a version, and why it scores rows as it does. */
export async function explainVersion(workspace: Workspace, input: ExplainInput): Promise<VersionExplanation> {
  const record = await versionOf(workspace.store, input.version)
  const version = await loadVersion(workspace, record)
  try {
    const { inputs } = version.model
    const rows = input.rows
      ? rowsGiven(input.rows, inputs)
      : await readFrame(
          await workspace.engine(),
          await workspace.artifacts.localPath(partDigest(record, 'frame')),
          inputs,
          'test',
          input.heldOut ?? 3,
        )
    const explainer = await openExplainer(workspace, version)
    try {
      return {
        name: versionName(record),
        ...(await importanceOf(workspace, record)),
        ...(await explained(explainer, version, rows)),
      }
    } finally {
      await explainer.close()
    }
  } finally {
    await version.loaded.close()
  }
}

/** As it was measured when the version was tested. */
async function importanceOf(
  workspace: Workspace,
  record: ModelVersion,
): Promise<Pick<VersionExplanation, 'importance' | 'importanceIs' | 'lossWithout'>> {
  try {
    const { importance, importanceIs, lossWithout = null } = await readPart(workspace, record, 'figures')
    return { importance, importanceIs, lossWithout }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { importance: [], importanceIs: 'by permutation', lossWithout: null }
  }
}

/** Rows as JSON has them. Throws `explainedRow` for the first value that is not of its input's type. */
function rowsGiven(
  given: readonly Readonly<Record<string, unknown>>[],
  inputs: readonly Pick<InputSpec, 'name' | 'type'>[],
): InputRows {
  const names = inputs.map(one => one.name)
  given.forEach((row, at) => {
    for (const name of [...names, ...Object.keys(row)]) {
      if (!names.includes(name)) throw refused(at, name, 'is no input', names)
      if (row[name] === undefined) throw refused(at, name, 'is missing; null says that the value is', names)
    }
  })
  return {
    rows: given.length,
    inputs: inputs.map(({ name, type }): InputColumn => {
      const values = given.map(row => row[name])
      if (type === 'text')
        return values.map((value, at) => {
          if (typeof value === 'string') return value
          if (value === null) return ''
          throw refused(at, name, `expected a text, got ${JSON.stringify(value)}`, names)
        })
      return Float32Array.from(values, (value, at) => {
        if (value === null) return Number.NaN
        const fits = type === 'bool' ? typeof value === 'boolean' : typeof value === 'number'
        const number = Math.fround(Number(value))
        if (fits && Number.isFinite(number) && (type !== 'int' || Number.isInteger(Number(value)))) return number
        const wanted = type === 'bool' ? 'true or false' : type === 'int' ? 'a whole number' : 'a number within ±3.4e38'
        throw refused(at, name, `expected ${wanted}, got ${JSON.stringify(value)}`, names)
      })
    }),
  }
}

const refused = (row: number, input: string, reason: string, inputs: readonly string[]): Error =>
  fail('explainedRow', { row, input, reason, inputs: inputs.slice(0, 20).join(', ') })

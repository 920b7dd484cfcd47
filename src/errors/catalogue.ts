import { containerErrors } from './catalogue/container.ts'
import { commandErrors } from './catalogue/command.ts'
import { dataErrors } from './catalogue/data.ts'
import { definitionErrors } from './catalogue/definition.ts'
import { engineErrors } from './catalogue/engine.ts'
import { featureErrors } from './catalogue/features.ts'
import { importErrors } from './catalogue/import.ts'
import { modelErrors } from './catalogue/model.ts'
import { securityErrors } from './catalogue/security.ts'
import { serverErrors } from './catalogue/server.ts'
import { watchErrors } from './catalogue/watch.ts'
import { MillraceError, type ErrorDetails, type ErrorEntry } from './millrace-error.ts'

/** Every user-facing error. MR1xxx definition, MR2xxx data, MR3xxx engine, MR4xxx model, MR5xxx server, MR6xxx security. */
export const catalogue = {
  ...commandErrors,
  ...definitionErrors,
  ...dataErrors,
  ...featureErrors,
  ...engineErrors,
  ...containerErrors,
  ...modelErrors,
  ...importErrors,
  ...serverErrors,
  ...securityErrors,
  ...watchErrors,
} as const satisfies Record<string, ErrorEntry>

export type ErrorName = keyof typeof catalogue

/** Makes the catalogued error of that name: `throw fail('columnMissing', { column, dataset })`. */
export function fail(name: ErrorName, details: ErrorDetails = {}, cause?: unknown): MillraceError {
  return new MillraceError(catalogue[name], details, cause === undefined ? undefined : { cause })
}

/** A catalogued error as another process told it in JSON; undefined when it is none. */
export function reviveError(told: unknown): MillraceError | undefined {
  const { code, details } = (told ?? {}) as { readonly code?: unknown; readonly details?: ErrorDetails }
  const entry = Object.values(catalogue).find(one => one.code === code)
  return entry && new MillraceError(entry, details)
}

import type { ErrorEntry } from '../millrace-error.ts'

export const dataErrors = {
  columnMissing: {
    code: 'MR2001',
    title: 'Column missing',
    message: "{dataset}: column '{column}' is declared but {source} has no such column.",
    hint: 'Columns present: {present}. Mend the declaration or the source.',
    exit: 1,
    status: 422,
    blame: 'user',
  },
  sourceUnreadable: {
    code: 'MR2002',
    title: 'Source cannot be read',
    message: '{source} cannot be read: {reason}',
    hint: 'Check that the file exists, is complete and is of the declared format.',
    exit: 3,
    status: 422,
    blame: 'environment',
  },
} as const satisfies Record<string, ErrorEntry>

import type { ErrorEntry } from '../millrace-error.ts'

export const featureErrors = {
  labelsUnusable: {
    code: 'MR2071',
    title: 'Labels cannot be used',
    message: '{file} gives no features: {reason}.',
    hint: 'Give a Parquet or CSV file with the key columns of the views, by their declared names and types, and a column with the moment of each row; "millrace features export --help" says more.',
    exit: 2,
    status: 422,
    blame: 'user',
  },
  labelRefused: {
    code: 'MR2072',
    title: 'Label that cannot be read',
    message: "{file}, row {row} (from 0), column '{column}': {reason}.",
    hint: 'Mend the row, or leave it out.',
    exit: 1,
    status: 422,
    blame: 'user',
  },
  entityUnreadable: {
    code: 'MR2073',
    title: 'Entity that cannot be read',
    message: 'The entities of {view} cannot be read: {reason}.',
    hint: 'Name each entity by its key columns: {example}.',
    exit: 2,
    status: 400,
    blame: 'user',
  },
} as const satisfies Record<string, ErrorEntry>

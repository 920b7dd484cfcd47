import type { ErrorEntry } from '../millrace-error.ts'

const given = { exit: 2, status: 422, blame: 'user' } as const

/** MR1200 to MR1299: what is brought in from other tools. */
export const importErrors = {
  importPickle: {
    code: 'MR1200',
    title: 'A pickle is not opened',
    message: '{file} is a Python pickle: {reason}. Loading one runs whatever code is in it, so Millrace never does.',
    hint: 'Where you trust it, save it again from Python: {advice}',
    ...given,
  },
  importMalformed: {
    code: 'MR1201',
    title: 'File to import not readable',
    message: '{file} cannot be imported: {reason}.',
    hint: 'Write it again; "millrace import --help" lists what is read.',
    ...given,
  },
  importUnknown: {
    code: 'MR1202',
    title: 'Nothing to import in it',
    message: '{file} holds nothing that can be imported: {reason}.',
    hint: '{advice}',
    ...given,
  },
  importUnreadable: {
    code: 'MR1203',
    title: 'Rules to import not readable',
    message: '{file} is no {format} that is read: {reason}.',
    hint: 'Mend the place, or write the file again with the tool that it belongs to.',
    ...given,
  },
  importOther: {
    code: 'MR1204',
    title: 'Not the rules of this tool',
    message: '{file} is not {wanted}: {found}.',
    hint: '"millrace import --help" lists the tools whose rules are read.',
    ...given,
  },
  importNoScaler: {
    code: 'MR1206',
    title: 'No scaler',
    message: '{file} is no scaler: {reason}.',
    hint: 'A scaler takes an offset from each feature and divides it by a scale. What looks at whole rows (Normalizer) or bends values (PowerTransformer, QuantileTransformer) stays in the ONNX graph of its model: declare train: onnx(…).',
    ...given,
  },
  importKept: {
    code: 'MR1205',
    title: 'File exists',
    message: '{file} exists already; it was left as it is.',
    hint: 'Name another file with --out, or replace it with --force.',
    ...given,
    status: 409,
  },
} as const satisfies Record<string, ErrorEntry>

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
} as const satisfies Record<string, ErrorEntry>

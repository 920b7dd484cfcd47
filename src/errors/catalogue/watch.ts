import type { ErrorEntry } from '../millrace-error.ts'

export const watchErrors = {
  profileMalformed: {
    code: 'MR4500',
    title: 'Baseline not buildable',
    message: 'The baseline profile cannot be built: {reason}',
    hint: 'Give every column, the scores, the times and the labels the same number of rows, at least two.',
    exit: 2,
    status: 422,
    blame: 'user',
  },
  profileMismatch: {
    code: 'MR4501',
    title: 'Window of another baseline',
    message: 'A window of statistics belongs to another baseline profile than the one it is used with: {reason}',
    hint: 'Start a new window after a model version changes; old windows stay with the version that they watched.',
    exit: 1,
    status: 409,
    blame: 'user',
  },
  monitorSettings: {
    code: 'MR4502',
    title: 'Monitor setting out of range',
    message: 'The monitor setting "{setting}" is {value}: {reason}',
    hint: 'Correct "{setting}" in the monitor of your project file.',
    exit: 2,
    status: 422,
    blame: 'user',
  },
  rolloutSettings: {
    code: 'MR4510',
    title: 'Rollout setting out of range',
    message: 'The rollout setting "{setting}" is {value}: {reason}',
    hint: 'Correct "{setting}" in the canary of your deployment.',
    exit: 2,
    status: 422,
    blame: 'user',
  },
  rolloutEvent: {
    code: 'MR4511',
    title: 'Rollout event not usable',
    message: 'The rollout event "{event}" cannot be used: {reason}',
    hint: 'Scores, labels and losses of one event must have equal lengths; commands need a rollout that is not finished.',
    exit: 1,
    status: 409,
    blame: 'user',
  },
} as const satisfies Record<string, ErrorEntry>

import type { ErrorEntry } from '../millrace-error.ts'

export const engineErrors = {
  stepFailed: {
    code: 'MR3001',
    title: 'Step failed',
    message: 'Step {step} of run {run} failed: {reason}',
    hint: 'See "millrace runs show {run}"; after mending, "millrace runs resume {run}" continues without repeating finished steps.',
    exit: 3,
    status: 500,
    blame: 'user',
  },
  artifactCorrupt: {
    code: 'MR3002',
    title: 'Artifact corrupted',
    message: 'Artifact {digest} does not match its digest any more ({path}).',
    hint: 'The file was moved to quarantine. Run the step that made it again: its cache entry is no longer used.',
    exit: 3,
    status: 500,
    blame: 'environment',
  },
  artifactMissing: {
    code: 'MR3003',
    title: 'Artifact missing',
    message: 'Artifact {digest} is not in the store.',
    hint: 'Run the step that made it again, or restore the store from its backup.',
    exit: 3,
    status: 404,
    blame: 'environment',
  },
} as const satisfies Record<string, ErrorEntry>

import type { ErrorEntry } from '../millrace-error.ts'

export const serverErrors = {
  portTaken: {
    code: 'MR5001',
    title: 'Port in use',
    message: 'Port {port} on {host} is already in use.',
    hint: 'Stop the other process, or choose another port with --port.',
    exit: 3,
    status: 500,
    blame: 'environment',
  },
} as const satisfies Record<string, ErrorEntry>

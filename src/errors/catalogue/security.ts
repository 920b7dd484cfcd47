import type { ErrorEntry } from '../millrace-error.ts'

export const securityErrors = {
  unauthorized: {
    code: 'MR6001',
    title: 'Not authorised',
    message: 'This request needs a token with the permission {permission}.',
    hint: 'Make one with "millrace token create --scope {permission}" and send it as "Authorization: Bearer …".',
    exit: 2,
    status: 401,
    blame: 'user',
  },
} as const satisfies Record<string, ErrorEntry>

import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'make a new version of a key',
  { details: 'What was wrapped by older versions can still be unwrapped.' },
  (keys, key, principal) => keys.rotate(key, principal),
)

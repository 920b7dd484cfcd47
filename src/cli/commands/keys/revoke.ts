import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'take a grant back',
  { arguments: [{ name: 'principal', description: 'who may no longer', required: true }] },
  (keys, key, principal, { args }) => keys.revoke(key, args[1] as string, principal),
)

import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'let a principal use a key',
  {
    arguments: [{ name: 'principal', description: 'who may', required: true }],
    options: [
      {
        flags: '--actions <list>',
        description: 'kms:GenerateDataKey, kms:Decrypt, kms:Rotate, kms:Grant, or * for all; comma-separated',
        default: 'kms:GenerateDataKey,kms:Decrypt',
      },
    ],
  },
  (keys, key, principal, { args, options }) =>
    keys.grant(
      key,
      args[1] as string,
      String(options.actions)
        .split(',')
        .map(action => action.trim()),
      principal,
    ),
)

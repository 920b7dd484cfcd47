import { keyActions } from '../../../ports/key-service.ts'
import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'let a principal use a key',
  {
    arguments: [{ name: 'principal', description: 'who may', required: true }],
    options: [
      {
        flags: '--actions <list>',
        description: `${keyActions.join(', ')}, or * for all; comma-separated`,
        choices: [...keyActions, '*'],
        list: true,
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

import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'make a key in the local keystore',
  {
    details:
      'The keystore is sealed by MILLRACE_KEY_PASSPHRASE, or by the content of the file that MILLRACE_KEY_PASSPHRASE_FILE names.',
  },
  (keys, key, principal) => keys.create(key, principal),
)

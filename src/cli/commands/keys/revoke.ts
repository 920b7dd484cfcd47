import { keyCommand } from '../../keys.ts'

export const command = keyCommand(
  'take a grant back',
  { arguments: [{ name: 'principal', description: 'who may no longer', required: true }] },
  async (keys, key, principal, { args, out }) => {
    const from = args[1] as string
    const known = (await keys.list()).find(one => one.name === key)
    const left = await keys.revoke(key, from, principal)
    if (known && !known.grants.some(grant => grant.principal === from))
      out.warn(`${from} had no grant on ${key}: nothing was taken back.`)
    return left
  },
)

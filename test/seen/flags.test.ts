import { expect, test } from 'vitest'
import { table } from '../../src/cli/table.ts'
import { flagsSeen, unseenFlags } from './flags.ts'
import { complaints } from './seen.ts'

/** `validate --strict`, of all that the command table has. */
async function allFlags(): Promise<string[]> {
  const all: string[] = []
  for (const [verb, { load }] of Object.entries(table))
    for (const { flags } of (await load()).command.options ?? [])
      all.push(`${verb} ${/--[a-z0-9-]+/.exec(flags)?.[0] ?? flags}`)
  return all
}

test('every flag of every command is met with what it changes', async () => {
  const met = Object.fromEntries(Object.entries(flagsSeen).map(([what, one]) => [what, [one]]))
  // the file of the test says the flag: by itself, or its name where flags are put together
  const needs = (what: string): RegExp => new RegExp(`(--|\\b)${/--(.+)$/.exec(what)?.[1]}\\b`)
  expect(complaints(await allFlags(), met, unseenFlags, needs)).toEqual([])
})

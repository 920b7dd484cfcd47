import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { defaultsSeen, unseenDefaults } from './defaults.ts'
import { optionsSeen, unseenOptions } from './options.ts'
import { complaints, type Test } from './seen.ts'

interface Option {
  readonly name: string
  readonly default: string
}

/** The walk that makes the page of the reference, too. */
const { definitionOptions } = (await import(resolve('scripts/definitions-reference.mjs'))) as {
  readonly definitionOptions: () => readonly Option[]
}
const options = definitionOptions()
const alone = (table: Readonly<Record<string, Test>>): Record<string, Test[]> =>
  Object.fromEntries(Object.entries(table).map(([name, one]) => [name, [one]]))

test('every option of a definition and every setting is met with what it changes', () => {
  expect(options.length).toBeGreaterThan(100)
  expect(
    complaints(
      options.map(one => one.name),
      alone(optionsSeen),
      unseenOptions,
    ),
  ).toEqual([])
})

test('every documented default is met by what happens without the option', () => {
  const defaults = options.filter(one => one.default !== '').map(one => one.name)
  expect(complaints(defaults, alone(defaultsSeen), unseenDefaults)).toEqual([])
})

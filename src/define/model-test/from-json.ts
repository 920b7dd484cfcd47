import { columnsOfDataset } from '../dataset.ts'
import type { Model } from '../model.ts'
import { refuse, unknownOption } from '../named.ts'
import { modelTests, type ModelTest } from './index.ts'

// Tests as JSON, for who writes them in another language: `[{ "metric": ["auc", { "min": 0.7 }] }, { "noLeak": [] }]`.

/** Tests whose arguments are functions over expressions: those are written in the project. */
const withFunctions = new Set(['relation'])

/** `of: 'zone'` or `of: ['zone', 'km']` names columns of the dataset. */
function named(of: unknown, columns: Readonly<Record<string, unknown>>, test: string): unknown {
  const one = (name: unknown): unknown =>
    typeof name === 'string' && Object.hasOwn(columns, name)
      ? columns[name]
      : refuse('model test', test, `of names '${String(name)}', which is no column of the dataset`)
  return Array.isArray(of) ? of.map(one) : one(of)
}

/** The tests that a list in JSON asks for, held to the same rules as declared ones. Throws `invalidDefinition`. */
export function testsFromJson(
  json: unknown,
  made: Pick<Model, 'name' | 'task' | 'inputs' | 'from'>,
): readonly ModelTest[] {
  if (!Array.isArray(json))
    refuse('model test', made.name, 'the tests are no list, such as [{ "metric": ["auc", { "min": 0.7 }] }]')
  const builders = modelTests<string>(made.name, made) as unknown as Readonly<
    Record<string, (...args: readonly unknown[]) => ModelTest>
  >
  const columns = columnsOfDataset(made.from.columns) as Readonly<Record<string, unknown>>
  const tests = (json as readonly unknown[]).map((given, i) => {
    const place = `${made.name}: test ${i + 1}`
    const entries = typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.entries(given) : []
    const [entry] = entries
    if (!entry || entries.length !== 1)
      refuse('model test', place, 'is no object with the name of one test, such as { "noLeak": [] }')
    const [name, arguments_] = entry
    const names = Object.keys(builders).filter(one => !withFunctions.has(one))
    if (withFunctions.has(name))
      refuse('model test', place, `'${name}' is made of functions: declare it in the project`)
    if (!Object.hasOwn(builders, name)) refuse('model test', place, unknownOption(name, names))
    const args = (Array.isArray(arguments_) ? arguments_ : [arguments_]) as readonly unknown[]
    return (builders[name] as (typeof builders)[string])(
      ...args.map(one =>
        typeof one === 'object' && one !== null && 'of' in one ? { ...one, of: named(one.of, columns, place) } : one,
      ),
    )
  })
  const ids = new Set<string>()
  for (const { id } of tests) {
    if (ids.has(id)) refuse('model test', made.name, `two tests have the id '${id}': give one of them another`)
    ids.add(id)
  }
  return tests
}

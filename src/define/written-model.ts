import { fail } from '../errors/index.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { Dataset } from './dataset.ts'
import { completeView, type FeatureView } from './features.ts'
import type { Model } from './model.ts'
import { definitionBrand } from './named.ts'
import { compilePart } from './project.ts'

/** Of the form below. A later form reads the earlier ones; none is ever changed. */
const schema = 1

/** Members that JSON leaves out where they are not set. */
type Unset<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>

/** A dataset as its users need it: what reads its rows in time, without what checks them. */
type WrittenDataset = Unset<
  Omit<Dataset, typeof definitionBrand | 'expectations' | 'related' | 'functions'>,
  'eventTime' | 'quarantine' | 'encryptWith'
>

interface WrittenView extends Unset<Omit<FeatureView, typeof definitionBrand | 'from' | 'all' | 'as'>, 'ttl'> {
  readonly from: string
}

type ModelPart = Unset<
  Omit<Model, typeof definitionBrand | 'from' | 'views'>,
  'encryptWith' | 'quantile' | 'weight' | 'classWeights' | 'search' | 'folds' | 'units'
>

/**
 * A model written out with everything that it uses, as its version keeps it: who reads it needs no project file. It is what
 * the version was made with, whatever the project declares by then.
 */
export interface WrittenModel {
  readonly kind: 'model'
  readonly schema: typeof schema
  readonly model: ModelPart
  /** Name of the dataset whose rows are predicted. */
  readonly from: string
  readonly views: readonly WrittenView[]
  readonly datasets: Readonly<Record<string, WrittenDataset>>
}

/** The members that JSON has. The brand, a symbol, would have a definition written as a reference to itself. */
function membersOf(value: object, without: readonly string[]): Record<string, Json> {
  return compilePart(Object.fromEntries(Object.entries(value).filter(([name]) => !without.includes(name))))
}

/** The model as JSON, for `readModelDefinition`. */
export function writeModelDefinition(model: Model): Json {
  const { from, views } = model
  const datasets = new Map([from, ...views.map(view => view.from)].map(one => [one.name, one]))
  return {
    kind: 'model',
    schema,
    model: membersOf(model, ['from', 'views']),
    from: from.name,
    views: views.map(view => ({ ...membersOf(view, ['from', 'all', 'as']), from: view.from.name })),
    datasets: Object.fromEntries(
      [...datasets].map(([name, one]) => [name, membersOf(one, ['expectations', 'related', 'functions'])]),
    ),
  }
}

function readDataset(written: WrittenDataset): Dataset {
  return {
    eventTime: undefined,
    quarantine: undefined,
    encryptWith: undefined,
    ...written,
    [definitionBrand]: 'dataset',
    expectations: [],
    related: new Map(),
    functions: new Map(),
  }
}

/** The model that `writeModelDefinition` wrote. Throws `versionUnreadable`. */
export function readModelDefinition(json: unknown, version: string): Model {
  const written = json as Partial<WrittenModel> | null
  if (written?.kind !== 'model' || written.schema !== schema || !written.model || !written.views)
    throw fail('versionUnreadable', {
      version,
      reason: `its definition has the form ${String(written?.kind)} ${String(written?.schema)}, which this Millrace does not know`,
    })
  const datasets = new Map(Object.entries(written.datasets ?? {}).map(([name, one]) => [name, readDataset(one)]))
  const datasetOf = (name: string | undefined): Dataset => {
    const found = name === undefined ? undefined : datasets.get(name)
    if (!found) throw fail('versionUnreadable', { version, reason: `its definition lacks the dataset ${String(name)}` })
    return found
  }
  return {
    encryptWith: undefined,
    quantile: undefined,
    weight: undefined,
    classWeights: undefined,
    search: undefined,
    units: undefined,
    folds: undefined,
    ...written.model,
    [definitionBrand]: 'model',
    from: datasetOf(written.from),
    views: written.views.map(view =>
      completeView({ ttl: undefined, ...view, [definitionBrand]: 'features', from: datasetOf(view.from) }),
    ),
  }
}

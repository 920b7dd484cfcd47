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
  'encryptWith' | 'quantile' | 'weight' | 'classWeights' | 'search' | 'folds' | 'learningCurve' | 'units'
>

/** Feature views with the datasets that they, and who else is written beside them, read. */
export interface WrittenViews {
  readonly views: readonly WrittenView[]
  readonly datasets: Readonly<Record<string, WrittenDataset>>
}

/**
 * A model written out with everything that it uses, as its version keeps it: who reads it needs no project file. It is what
 * the version was made with, whatever the project declares by then.
 */
export interface WrittenModel extends WrittenViews {
  readonly kind: 'model'
  readonly schema: typeof schema
  readonly model: ModelPart
  /** Name of the dataset whose rows are predicted. */
  readonly from: string
}

/** The members that JSON has. The brand, a symbol, would have a definition written as a reference to itself. */
function membersOf(value: object, without: readonly string[]): Record<string, Json> {
  return compilePart(Object.fromEntries(Object.entries(value).filter(([name]) => !without.includes(name))))
}

/** The model as JSON, for `readModelDefinition`. */
export function writeModelDefinition(model: Model): Json {
  const { from, views } = model
  return {
    kind: 'model',
    schema,
    model: membersOf(model, ['from', 'views']),
    from: from.name,
    ...writeViews(views, [from]),
  }
}

/** Feature views as JSON with the datasets that they and others read, for `readViews`. */
export function writeViews(
  views: readonly FeatureView[],
  others: readonly Dataset[] = [],
): { readonly views: Json; readonly datasets: Json } {
  const datasets = new Map([...others, ...views.map(view => view.from)].map(one => [one.name, one]))
  return {
    views: views.map(view => ({
      ...membersOf(view, ['from', 'all', 'as', 'freshness', 'materialise', 'notify', 'vectors', 'verify']),
      from: view.from.name,
    })),
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

type MissingError = (dataset: string | undefined) => Error

const readDatasets = (written: WrittenModel['datasets'] = {}): ReadonlyMap<string, Dataset> =>
  new Map(Object.entries(written).map(([name, one]) => [name, readDataset(one)]))

function viewsOver(
  views: readonly WrittenView[],
  datasets: ReadonlyMap<string, Dataset>,
  lacking: MissingError,
): FeatureView[] {
  return views.map(view => {
    const from = datasets.get(view.from)
    if (!from) throw lacking(view.from)
    return completeView({ ttl: undefined, ...view, [definitionBrand]: 'features', from })
  })
}

/** The views that `writeViews` wrote; `lacking` makes what is thrown for a dataset that is not among them. */
export const readViews = (written: WrittenViews, lacking: MissingError): FeatureView[] =>
  viewsOver(written.views, readDatasets(written.datasets), lacking)

/** The model that `writeModelDefinition` wrote. Throws `versionUnreadable`. */
export function readModelDefinition(json: unknown, version: string): Model {
  const written = json as Partial<WrittenModel> | null
  if (written?.kind !== 'model' || written.schema !== schema || !written.model || !written.views)
    throw fail('versionUnreadable', {
      version,
      reason: `its definition has the form ${String(written?.kind)} ${String(written?.schema)}, which this Millrace does not know`,
    })
  const lacking: MissingError = name =>
    fail('versionUnreadable', { version, reason: `its definition lacks the dataset ${String(name)}` })
  const datasets = readDatasets(written.datasets)
  const from = datasets.get(written.from ?? '')
  if (!from) throw lacking(written.from)
  return {
    encryptWith: undefined,
    quantile: undefined,
    weight: undefined,
    classWeights: undefined,
    search: undefined,
    units: undefined,
    folds: undefined,
    learningCurve: undefined,
    ...written.model,
    [definitionBrand]: 'model',
    from,
    views: viewsOver(written.views, datasets, lacking),
  }
}

import type { Workspace } from '../config/workspace.ts'
import { instantOf } from '../define/expression/zone.ts'
import type { FeatureView } from '../define/features.ts'
import { fail } from '../errors/index.ts'
import { parseTime, type Micros } from '../internal/time.ts'
import type { Row, Value } from '../ports/data-engine.ts'
import { readFeatures } from '../stages/serve/read-features.ts'
import { ServedViews } from '../stages/serve/served-views.ts'
import { openOnline } from '../stages/serve/serving.ts'
import type { EntityFeatures } from '../stages/serve/types.ts'
import { fillingViews, lostView } from './fill-views.ts'
import type { Listener } from './use-case.ts'

/** Features of entities as predictions read them. */
export interface EntityVectors {
  readonly features: readonly string[]
  readonly asOf: Micros
  readonly entities: readonly EntityFeatures[]
}

/** A view that is kept online, as a server has it. Throws `notDefined`. */
export async function onlineViewNamed(
  workspace: Pick<Workspace, 'project' | 'store'>,
  name: string,
): Promise<FeatureView> {
  const views = await new ServedViews(workspace).current()
  const found = views.get(name)
  if (found?.online) return found
  const known = [...views.values()].filter(one => one.online).map(one => one.name)
  throw fail('notDefined', { kind: 'online feature view', name, known: known.join(', ') })
}

const localTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$/

/** A key as it is written on a command line; undefined where it is none of the type. */
function keyOf(text: string, type: string, zone: string | undefined): Value | undefined {
  switch (type) {
    case 'int': {
      if (!/^-?\d{1,19}$/.test(text)) return undefined
      const exact = BigInt(text)
      if (BigInt.asIntN(64, exact) !== exact) return undefined
      return Number.isSafeInteger(Number(text)) ? Number(text) : exact
    }
    case 'float':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'timestamp': {
      const isLocal = zone !== undefined && localTime.test(text)
      const at = parseTime(isLocal ? `${text}Z` : text)
      return at !== undefined && isLocal ? instantOf(at, zone) : at
    }
    default:
      return text
  }
}

/**
 * Entities by words such as `origin=JFK`, a word a key column: where a column comes again the next entity begins. Throws
 * `entityUnreadable`.
 */
export function entitiesIn({ name, entity, from }: FeatureView, words: readonly string[]): Row[] {
  const columns = Object.keys(entity.keys)
  const wrong = (reason: string): Error =>
    fail('entityUnreadable', { view: name, reason, example: columns.map(one => `${one}=…`).join(' ') })
  // Of all rows together there is one
  if (columns.length === 0 && words.length === 0) return [{}]
  const rows: Record<string, Value>[] = []
  let row: Record<string, Value> | undefined
  for (const word of words) {
    const [, column = '', text = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? []
    const spec = entity.keys[column]
    if (!spec) throw wrong(column === '' ? `"${word}" is no key=value` : `'${column}' is no key of it`)
    const value = keyOf(text, spec.type, from.columns[column]?.zone)
    if (value === undefined) throw wrong(`'${column}' is ${spec.type}, not "${text}"`)
    if (!row || column in row) rows.push((row = {}))
    row[column] = value
  }
  for (const one of rows) {
    const lacking = columns.find(column => !(column in one))
    if (lacking !== undefined) throw wrong(`an entity lacks '${lacking}'`)
  }
  if (rows.length === 0) throw wrong('no entity is named')
  return rows
}

/** Features of entities, rows with the key columns of a view, at a moment (default: now), as `POST /v1/features/{view}:get` answers. */
export async function getFeatures(
  workspace: Workspace,
  input: { readonly view: string; readonly entities: readonly Row[]; readonly at?: Micros | undefined },
  listener: Listener,
): Promise<EntityVectors> {
  const view = await onlineViewNamed(workspace, input.view)
  const filling = fillingViews(workspace)
  const { views, logs } = openOnline(workspace, await workspace.online(), filling.fill)
  try {
    const opened = await views.open(view)
    for (const one of filling.lost) listener.warn(lostView(one))
    const asOf = input.at ?? workspace.clock.now()
    const entities = await readFeatures(opened, views.past, input.entities, asOf)
    return { features: Object.keys(view.features), asOf, entities }
  } finally {
    await views.flush()
    await logs.close()
  }
}

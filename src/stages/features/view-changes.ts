import type { FeatureSpec, FeatureView } from '../../define/features.ts'
import { describe } from '../../define/expression/index.ts'
import { compilePart, definitionDigest } from '../../define/project.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { asDuration } from '../../internal/time.ts'

/** What becomes of one feature. */
export interface FeatureChange {
  readonly feature: string
  /** `changed`: computes other values under the same name. `retyped`: of another type than before. */
  readonly change: 'added' | 'removed' | 'changed' | 'retyped'
  /** Definitions in words; null where there is none. */
  readonly before: string | null
  readonly after: string | null
}

/** What becomes of one view. */
export interface ViewDifference {
  readonly view: string
  readonly change: 'new' | 'gone' | 'changed' | 'none'
  readonly features: readonly FeatureChange[]
  /** What else of the definition differs, in words: `ttl 2d → 3d`. It concerns every feature. */
  readonly whole: readonly string[]
}

const known = new Set(['aggregation', 'type', 'nullable', 'of', 'window'])

/** `mean of km over 2d`; members that it does not know by name stand as JSON. */
function inWords(spec: FeatureSpec): string {
  const of = spec.of ? ` of ${describe(spec.of)}` : ''
  const over = spec.window === undefined ? '' : ` over ${asDuration(spec.window)}`
  const more = Object.entries(compilePart(spec)).filter(([name]) => !known.has(name))
  return `${spec.aggregation}${of}${over}${more.map(([name, value]) => `, ${name} ${canonicalJson(value)}`).join('')}`
}

const json = (value: object): string => canonicalJson(compilePart(value) as Json)

function featureChanges(before: FeatureView['features'], after: FeatureView['features']): FeatureChange[] {
  const changes: FeatureChange[] = []
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name], after[name]]
    if (old && now && json(old) === json(now)) continue
    const change = !old ? 'added' : !now ? 'removed' : old.type === now.type ? 'changed' : 'retyped'
    changes.push({ feature: name, change, before: old ? inWords(old) : null, after: now ? inWords(now) : null })
  }
  return changes
}

const lengths = new Set(['ttl'])
const short = (name: string, value: unknown): string => {
  if (value === undefined) return 'none'
  if (lengths.has(name) && typeof value === 'number') return asDuration(value)
  const text = typeof value === 'string' ? value : canonicalJson(value as Json)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

const left = new Set(['name', 'features', 'all', 'as', 'freshness', 'materialise', 'notify'])

/** What of a definition says what all of its features are. */
const membersOf = (view: FeatureView): Record<string, Json> =>
  compilePart(Object.fromEntries(Object.entries(view).filter(([name]) => !left.has(name))))

/** Members of the definition besides the features that differ. */
function wholeChanges(before: FeatureView, after: FeatureView): string[] {
  const [old, now] = [membersOf(before), membersOf(after)]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter(name => canonicalJson(old[name] ?? null) !== canonicalJson(now[name] ?? null))
    .map(name => {
      // Of the dataset it is the law of its times that counts, its name seldom differs
      const isLaw = name === 'from' && before.from.name === after.from.name
      return isLaw
        ? `event and known times of ${after.from.name}`
        : `${name} ${short(name, old[name])} → ${short(name, now[name])}`
    })
}

/** What becomes of each view, those that are no more last. */
export function viewDifferences(
  before: ReadonlyMap<string, FeatureView>,
  after: ReadonlyMap<string, FeatureView>,
): ViewDifference[] {
  const differences = [...after.values()].map((now): ViewDifference => {
    const old = before.get(now.name)
    const same = old !== undefined && definitionDigest(old) === definitionDigest(now)
    return {
      view: now.name,
      change: !old ? 'new' : same ? 'none' : 'changed',
      features: same ? [] : featureChanges(old?.features ?? {}, now.features),
      whole: old && !same ? wholeChanges(old, now) : [],
    }
  })
  const gone = [...before.values()].filter(old => !after.has(old.name))
  return [
    ...differences,
    ...gone.map(
      (old): ViewDifference => ({
        view: old.name,
        change: 'gone',
        features: featureChanges(old.features, {}),
        whole: [],
      }),
    ),
  ]
}

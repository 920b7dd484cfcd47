import { MalformedError } from '../../../internal/archive/malformed.ts'
import type { ScalerKind } from '../../../math/scaler/index.ts'

/** Attributes of a fitted scaler by their scikit-learn names, whatever they came from. Absent and null are the same. */
export type Attributes = ReadonlyMap<string, unknown>

export interface ImportedFeature {
  readonly name: string
  readonly index: number
  /** z = (x − offset) / scale. */
  readonly offset: number
  readonly scale: number
  /** What else the source knows. */
  readonly mean?: number
  readonly var?: number
  readonly min?: number
  readonly max?: number
  readonly count?: number
}

/** A scaler as another tool fitted it. */
export interface ImportedScaler {
  readonly version: 1
  /** `StandardScaler`, …; undefined where the source holds only figures. */
  readonly class: string | undefined
  /** Undefined for MaxAbsScaler, and where the figures alone do not tell. */
  readonly kind: ScalerKind | undefined
  /** Names came with it; else they are x0, x1, … as scikit-learn would call them. */
  readonly named: boolean
  /** Values are cut to this range after scaling (`clip=True`). */
  readonly clip?: readonly [number, number]
  readonly features: readonly ImportedFeature[]
}

const kinds: Readonly<Record<string, ScalerKind | undefined>> = {
  StandardScaler: 'standard',
  MinMaxScaler: 'minmax',
  RobustScaler: 'robust',
  MaxAbsScaler: undefined,
}

/** The class that has such attributes. */
function classOf(attributes: Attributes): string {
  const given = attributes.get('class') ?? attributes.get('__class__')
  if (typeof given === 'string') {
    if (given in kinds) return given
    throw new MalformedError(`it holds a ${given}, not one of ${Object.keys(kinds).join(', ')}`)
  }
  if (attributes.has('data_min_')) return 'MinMaxScaler'
  // What is None is often left out: the parameters tell as well
  if (attributes.has('center_') || attributes.has('with_centering')) return 'RobustScaler'
  if (attributes.has('max_abs_')) return 'MaxAbsScaler'
  if (attributes.has('mean_') || attributes.has('with_mean')) return 'StandardScaler'
  throw new MalformedError('it has none of mean_, data_min_, center_ and max_abs_, which fitted scalers have')
}

/** A list of finite numbers; undefined when absent. */
function numbers(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes.get(name)
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw new MalformedError(`${name} is no list of numbers`)
  value.forEach((one, at) => {
    if (typeof one !== 'number' || !Number.isFinite(one))
      throw new MalformedError(`${name} of feature ${at} is ${String(one)}, not a finite number`)
  })
  return value as number[]
}

function flag(attributes: Attributes, name: string): boolean {
  return attributes.get(name) !== false
}

interface Affine {
  readonly offset: readonly number[] | undefined
  readonly scale: readonly number[] | undefined
}

function affineOf(found: string, attributes: Attributes): Affine {
  const scale = numbers(attributes, 'scale_')
  if (found === 'MinMaxScaler') {
    const min = numbers(attributes, 'min_')
    if (!scale || !min) throw new MalformedError('a MinMaxScaler needs scale_ and min_')
    if (min.length !== scale.length) throw new MalformedError('scale_ and min_ are of different lengths')
    // scikit-learn multiplies by scale_ and adds min_
    const zero = scale.findIndex(factor => factor === 0)
    if (zero >= 0) throw new MalformedError(`scale_ of feature ${zero} is 0`)
    return { offset: min.map((add, at) => -add / (scale[at] as number)), scale: scale.map(factor => 1 / factor) }
  }
  const centred = found === 'RobustScaler' ? 'with_centering' : 'with_mean'
  const scaled = found === 'RobustScaler' ? 'with_scaling' : 'with_std'
  const centre = found === 'RobustScaler' ? 'center_' : found === 'StandardScaler' ? 'mean_' : ''
  return {
    offset: flag(attributes, centred) ? numbers(attributes, centre) : undefined,
    scale: flag(attributes, scaled) ? scale : undefined,
  }
}

function namesOf(attributes: Attributes): readonly string[] | undefined {
  const names = attributes.get('feature_names_in_')
  if (names === undefined || names === null) return undefined
  if (!Array.isArray(names) || !names.every(name => typeof name === 'string' && name !== ''))
    throw new MalformedError('feature_names_in_ is no list of names')
  if (new Set(names).size !== names.length) throw new MalformedError('feature_names_in_ has a name twice')
  return names as string[]
}

/** The scaler that these attributes describe. Throws MalformedError. */
export function scalerOfAttributes(attributes: Attributes): ImportedScaler {
  const found = classOf(attributes)
  const { offset, scale } = affineOf(found, attributes)
  const names = namesOf(attributes)
  const further = {
    mean: numbers(attributes, 'mean_'),
    var: numbers(attributes, 'var_'),
    min: numbers(attributes, 'data_min_'),
    max: numbers(attributes, 'data_max_'),
  }
  const seen = attributes.get('n_samples_seen_')
  const counts = Array.isArray(seen) && seen.length > 1 ? numbers(attributes, 'n_samples_seen_') : undefined
  const lists = { offset, scale, names, counts, ...further }
  const width = [offset, scale, names, ...Object.values(further)].find(list => list !== undefined)?.length
  if (width === undefined || width === 0) throw new MalformedError('it was not fitted: it has no figures')
  for (const [what, list] of Object.entries(lists))
    if (list && list.length !== width)
      throw new MalformedError(`it has ${list.length} of ${what} for ${width} features`)
  const one = Array.isArray(seen) ? (seen as unknown[])[0] : seen
  const features = Array.from({ length: width }, (_, at): ImportedFeature => {
    const count = counts?.[at] ?? (typeof one === 'number' ? one : undefined)
    const known = Object.entries({ ...further, ...(count === undefined ? {} : { count: [] }) }).flatMap(
      ([what, list]): [string, number][] => {
        const value = what === 'count' ? count : list?.[at]
        return value === undefined ? [] : [[what, value]]
      },
    )
    return {
      name: names?.[at] ?? `x${at}`,
      index: at,
      offset: offset?.[at] ?? 0,
      scale: scale?.[at] ?? 1,
      ...Object.fromEntries(known),
    }
  })
  const zero = features.find(feature => feature.scale === 0)
  if (zero) throw new MalformedError(`the scale of ${zero.name} is 0`)
  const range = attributes.get('feature_range')
  const clip =
    attributes.get('clip') === true && Array.isArray(range)
      ? { clip: [Number(range[0]), Number(range[1])] as const }
      : {}
  return { version: 1, class: found, kind: kinds[found], named: names !== undefined, ...clip, features }
}

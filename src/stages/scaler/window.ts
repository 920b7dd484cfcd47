import type { UnitFit } from '../watch/unit-edges.ts'
import { numbersOf, type ScalerArtifact, type ScalerFeature } from './artifact.ts'

/** Statistics of one number input over a window of traffic (or any rows). */
export interface WindowColumn {
  readonly rows: number
  /** Rows with a finite value. */
  readonly finite: number
  readonly missing: number
  /** Of the finite values. */
  readonly mean: number
  readonly std: number
  /** Values more than eight training deviations from the training mean. */
  readonly far: number
  /** Mean and deviation with values clamped at ±16: near 0 and 1 where they arrive standardised. */
  readonly raw: { readonly mean: number; readonly std: number }
  /** Values that the baseline does not have, where it has at most twenty; else undefined. */
  readonly other: number | undefined
  /** How well each change of unit explains the quartiles. */
  readonly units: readonly UnitFit[]
  /** Whether it is certainly unlike the windows of training; absent where nothing is known of those. */
  readonly unlike?: boolean
}

/** The number inputs of a model over some rows, in their order. */
export type ScalingWindow = readonly WindowColumn[]

/** The numbers of the artifact with their column of the window, where it has enough rows for a verdict. */
export function paired(
  artifact: ScalerArtifact,
  window: ScalingWindow,
  least: number,
): readonly (readonly [ScalerFeature, WindowColumn])[] {
  return numbersOf(artifact).flatMap((feature, at): [ScalerFeature, WindowColumn][] => {
    const seen = window[at]
    return seen && seen.finite >= least && feature.count > 0 ? [[feature, seen]] : []
  })
}

import type { WindowColumn } from '../windows/window.ts'
import { numbersOf, type ScalerArtifact, type ScalerFeature } from './artifact.ts'

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

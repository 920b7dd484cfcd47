import type { CheckResult } from '../../define/report.ts'
import { unitFactors, unitTolerance } from '../windows/unit-edges.ts'
import type { ScalerArtifact } from './artifact.ts'
import { type Finding, plural, scalerCheck } from './finding.ts'
import { paired, type ScalingWindow } from './window.ts'

type Target = CheckResult['target']

const inWindow = {
  id: 'scaler-window-unit',
  threshold: `no quartiles are those of training times the factor of a known unit, within ${100 * unitTolerance} %`,
}

/** S9 in a window: all three quartiles are those of training times the factor of a known unit, and not as they were. */
export function unitChangeInWindow(target: Target, artifact: ScalerArtifact, window: ScalingWindow): CheckResult {
  const compared = paired(artifact, window, 500).filter(([, seen]) => seen.units.length > 0)
  const findings = compared.flatMap(([feature, seen]): Finding[] => {
    // Weather alone may bring a column's quartiles to those of another unit
    if (seen.unlike === false) return []
    const [same, ...others] = seen.units
    // A spread so wide that both fit says nothing about units
    if (!same || same.fits || same.miss < 0.05) return []
    const fitting = others.filter(one => one.fits).sort((a, b) => a.miss - b.miss)
    const [best] = fitting
    if (!best) return []
    const { name } = feature
    return [
      unitFinding(
        name,
        best.factor,
        `${name} is ${times(best.factor)} what it was in training (${plural(seen.finite, 'row')})`,
      ),
    ]
  })
  return scalerCheck(inWindow, target, {
    evaluated: compared.length,
    findings,
    good: `${plural(compared.length, 'input')} are in the units of training`,
    nothing: 'fewer than 500 rows are too few for a verdict on units',
  })
}

const times = (factor: number): string => `${factor.toPrecision(4)} times`

function unitFinding(column: string, factor: number, said: string): Finding {
  const words = unitFactors.find(([known]) => known === factor)?.[1] ?? ''
  return { column, level: 'warn', text: `${said}: ${words}?`, observed: { factor } }
}

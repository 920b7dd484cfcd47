import type { CheckResult } from '../../define/report.ts'
import { numbersOf, type ScalerArtifact, type ScalerFeature } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'
import { paired, type ScalingWindow } from './window.ts'

type Target = CheckResult['target']

const range = {
  id: 'scaler-serving-range',
  threshold:
    'in a window of 1,000 rows |mean z| ≤ 0.5 (warning) or 2 (failure), deviation of z from 0.5 to 2 or 0.1 to 10, |z| > 8 in at most 0.1 %',
}
const double = {
  id: 'scaler-double',
  threshold: 'no input arrives with mean 0 ± 0.5 and deviation 0.5 to 2 unless training had it so',
}
const nulls = { id: 'scaler-nan-path', threshold: 'nothing is missing where the graph cannot answer for it' }

const deviationOf = (feature: ScalerFeature): number => Math.sqrt(feature.var)

/** S7: scaled traffic looks as scaled training rows did: its mean, its spread, its far ends. z is in training deviations. */
export function servingRange(target: Target, artifact: ScalerArtifact, window: ScalingWindow): CheckResult {
  const compared = paired(artifact, window, 1000).filter(([feature]) => !feature.constant)
  let worst = 0
  const findings = compared.flatMap(([feature, seen]): Finding[] => {
    const mean = (seen.mean - feature.mean) / deviationOf(feature)
    const std = seen.std / deviationOf(feature)
    const share = seen.far / seen.finite
    // a day of the week or a stormy one that training had too is no other scale
    const held = seen.unlike !== false
    if (held) worst = Math.max(worst, Math.abs(mean))
    const level = held && (Math.abs(mean) > 2 || std < 0.1 || std > 10) ? 'fail' : 'warn'
    const parts = [
      ...(held && Math.abs(mean) > 0.5 ? [`its mean has moved by ${figure(mean)} training deviations`] : []),
      ...(held && (std < 0.5 || std > 2)
        ? [std < 1e-3 ? 'it does not vary any more' : `it spreads ${figure(std)} times as far as in training`]
        : []),
      ...(share > 1e-3 ? [`${figure(100 * share)} % lie beyond 8 training deviations`] : []),
    ]
    if (parts.length === 0) return []
    const observed = { meanZ: mean, deviationZ: std, farShare: share }
    return [{ column: feature.name, level, text: `${feature.name}: ${parts.join(', ')}`, observed }]
  })
  return scalerCheck(range, target, {
    evaluated: compared.length,
    findings,
    good: `${plural(compared.length, 'input')} stay within ${figure(worst)} training deviations of their means`,
    nothing: 'fewer than 1,000 rows are too few for a verdict on ranges',
    observed: { worst },
  })
}

/** S8: traffic that arrives looking standardised, where training rows did not, has been scaled by its sender already. */
export function doubleScaling(target: Target, artifact: ScalerArtifact, window: ScalingWindow): CheckResult {
  const compared = paired(artifact, window, 200).filter(([feature]) => {
    const deviation = deviationOf(feature)
    return !feature.constant && (deviation > 5 || deviation < 0.2 || Math.abs(feature.mean) > 5)
  })
  const findings = compared.flatMap(([feature, seen]): Finding[] => {
    const { mean, std } = seen.raw
    if (Math.abs(mean) > 0.5 || std < 0.5 || std > 2) return []
    return [
      {
        column: feature.name,
        level: 'fail',
        text: `${feature.name} arrives with mean ${figure(mean)} and deviation ${figure(std)}, in training ${figure(feature.mean)} and ${figure(deviationOf(feature))}: it seems to be scaled already`,
        observed: { mean, deviation: std },
      },
    ]
  })
  return scalerCheck(double, target, {
    evaluated: compared.length,
    findings,
    good: `${plural(compared.length, 'input')} arrive unscaled`,
    nothing: 'no input could be told from a scaled one',
  })
}

/** S10: something is missing where neither an imputer nor the estimator answers for it: scores would be NaN. */
export function nanPath(
  target: Target,
  artifact: ScalerArtifact,
  window: ScalingWindow,
  missingHandled: boolean,
): CheckResult {
  const numbers = numbersOf(artifact)
  const findings = missingHandled
    ? []
    : numbers.flatMap(({ name }, at): Finding[] => {
        const missing = window[at]?.missing ?? 0
        if (missing === 0) return []
        const text = `${name} is missing in ${plural(missing, 'row')}, and the graph has no imputer for it`
        return [{ column: name, level: 'fail', text, observed: { missing } }]
      })
  return scalerCheck(nulls, target, {
    evaluated: window.length === 0 ? 0 : numbers.length,
    findings,
    good: missingHandled ? 'the graph answers for missing values' : 'nothing is missing',
  })
}

import type { CheckResult } from '../../define/report.ts'
import type { ScalerArtifact } from './artifact.ts'
import { type Finding, plural, scalerCheck } from './finding.ts'

const rule = {
  id: 'scaler-names',
  threshold: 'scaler, model, ONNX file and definition name the same inputs in the same order',
}

/**
 * S1: both sides of every hand-over carry names, and they agree in their order. An unnamed row in another order is scaled
 * by the figures of other inputs, and nothing else would notice: a difference is a failure, never a warning.
 */
export function namesAndOrder(
  model: string,
  artifact: ScalerArtifact,
  sides: Readonly<Record<string, readonly string[] | undefined>>,
): CheckResult {
  const own = artifact.features.map(feature => feature.name)
  const findings: Finding[] = []
  own.forEach((name, at) => {
    if (name === '') findings.push({ column: '', level: 'fail', text: `input ${at + 1} of the scaler has no name` })
  })
  for (const [side, names] of Object.entries(sides)) {
    const differs = names === undefined ? undefined : difference(own, names)
    if (names === undefined) findings.push({ column: '', level: 'fail', text: `${side} names no inputs` })
    else if (differs) findings.push({ column: differs.name, level: 'fail', text: `${side} ${differs.text}` })
  }
  return scalerCheck(
    rule,
    { model },
    {
      evaluated: Object.keys(sides).length,
      findings,
      good: `${plural(own.length, 'input')} have one name and place everywhere: ${Object.keys(sides).join(', ')}`,
    },
  )
}

function difference(own: readonly string[], names: readonly string[]): { name: string; text: string } | undefined {
  const missing = own.filter(name => !names.includes(name))
  const unseen = names.filter(name => !own.includes(name))
  if (missing.length > 0 || unseen.length > 0) {
    const parts = [
      ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
      ...(unseen.length > 0 ? [`has ${unseen.join(', ')}, which the scaler does not know`] : []),
    ]
    return { name: missing[0] ?? unseen[0] ?? '', text: parts.join(' and ') }
  }
  const at = own.findIndex((name, i) => name !== names[i])
  if (at >= 0)
    return {
      name: own[at] as string,
      text: `has ${names[at]} where the scaler has ${own[at]} (input ${at + 1} of ${own.length})`,
    }
  return own.length === names.length
    ? undefined
    : { name: '', text: `has ${names.length} inputs, the scaler ${own.length}` }
}

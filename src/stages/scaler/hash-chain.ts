import type { CheckResult } from '../../define/report.ts'
import type { Digest } from '../../internal/digest.ts'
import { type Finding, scalerCheck } from './finding.ts'

const rule = {
  id: 'scaler-hash-chain',
  threshold: 'registry, serving process and ONNX file name the same scaler, and the graph computes it',
}

export interface ScalerChain {
  /** `facts.scaler` of the registered version. */
  readonly registered: string | undefined
  /** Of the bytes that this process loaded. */
  readonly served: Digest
  /** `millrace.scaler` in the metadata of the loaded ONNX file. */
  readonly onnx: string | undefined
  /** Why the figures inside the graph are not those of the artifact; undefined when they are. */
  readonly graph: string | undefined
}

const short = (digest: string): string => digest.slice(0, 19)

/** S13: a scaler that was changed, swapped or left behind by a retrain cannot serve. */
export function hashChain(model: string, { registered, served, onnx, graph }: ScalerChain): CheckResult {
  const findings: Finding[] = []
  const link = (who: string, digest: string | undefined): void => {
    if (digest === undefined) findings.push({ column: '', level: 'fail', text: `${who} names no scaler` })
    else if (digest !== served)
      findings.push({
        column: '',
        level: 'fail',
        text: `${who} names the scaler ${short(digest)}, this process has ${short(served)}`,
      })
  }
  link('the registry', registered)
  link('the ONNX file', onnx)
  if (graph !== undefined) findings.push({ column: '', level: 'fail', text: `the graph scales otherwise: ${graph}` })
  return scalerCheck(
    rule,
    { model },
    {
      evaluated: 3,
      findings,
      good: `registry, serving process and ONNX file agree on the scaler ${short(served)}`,
      observed: { registered: registered ?? null, served, onnx: onnx ?? null },
    },
  )
}

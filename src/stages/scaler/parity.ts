import type { CheckResult } from '../../define/report.ts'
import { graphOrder, type OnnxModel, scalerPart } from '../../onnx/index.ts'
import { transform } from '../../math/scaler/index.ts'
import type { InferenceBatch, InferenceRuntime } from '../../ports/inference-runtime.ts'
import type { InputColumn, CardInput } from '../../ports/trainer.ts'
import { parametersOf, type ScalerArtifact } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'

const tolerance = 1e-4
const rule = {
  id: 'scaler-onnx-parity',
  threshold: `the graph scales as float64 arithmetic does, within ${tolerance} + ${tolerance} |z|`,
}

/**
 * S6: the scaler inside the graph, run by the inference runtime, against float64 arithmetic on the same rows. Scores and
 * decisions are held by the export's own parity check, more strictly. `columns` are the inputs in
 * their order, of which the numbers are compared, the rows those of `batch`.
 */
export async function scalerParity(
  model: string,
  artifact: ScalerArtifact,
  graph: OnnxModel,
  runtime: InferenceRuntime,
  inputs: readonly CardInput[],
  columns: readonly InputColumn[],
  batch: InferenceBatch,
): Promise<CheckResult> {
  const part = artifact.outside ? undefined : scalerPart(graph)
  if (!part)
    return scalerCheck(
      rule,
      { model },
      {
        evaluated: 0,
        findings: [],
        good: '',
        nothing: artifact.outside ? 'the trainer scales by itself, if it does' : 'the graph does not scale',
      },
    )
  const loaded = await runtime.load(part)
  try {
    const { scores } = await loaded.run(batch)
    const texts = new Float32Array(batch.rows)
    const wanted = transform(
      parametersOf(artifact),
      columns.map(column => (column instanceof Float32Array ? column : texts)),
    )
    const order = graphOrder(inputs).filter(at => inputs[at]?.kind === 'number')
    const width = scores.length / batch.rows
    let worst = 0
    const findings: Finding[] = []
    order.forEach((input, place) => {
      const name = artifact.features[input]?.name ?? ''
      let bad = 0
      let first = ''
      wanted[input]?.forEach((z, row) => {
        const got = scores[row * width + place] as number
        // What is missing stays missing
        const relative = Number.isNaN(z) && Number.isNaN(got) ? 0 : Math.abs(z - got) / (1 + Math.abs(z))
        if (relative > worst) worst = relative
        if (relative <= tolerance) return
        if (bad++ === 0) first = `row ${row} gives ${got}, ${z} is right`
      })
      if (bad > 0)
        findings.push({
          column: name,
          level: 'fail',
          text: `${name} is scaled wrongly in ${plural(bad, 'row')}: ${first}`,
        })
    })
    return scalerCheck(
      rule,
      { model },
      {
        evaluated: batch.rows,
        findings,
        good: `the graph scales ${plural(batch.rows, 'row')} within ${figure(worst)} of float64`,
        observed: { worst },
      },
    )
  } finally {
    await loaded.close()
  }
}

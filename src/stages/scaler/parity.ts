import type { CheckResult } from '../../define/report.ts'
import { type GraphScaling, graphOrder, type InputScale, readModel, scalerPart } from '../../onnx/index.ts'
import { transform } from '../../math/scaler/index.ts'
import type { InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'
import type { InputRows } from '../../ports/trainer.ts'
import { openColumns } from '../evaluate/open-columns.ts'
import { batchOf } from '../evaluate/subject.ts'
import { parametersOf, type ScaledFile } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'
import { scalingInGraph, unscaledWords } from './graph.ts'

const tolerance = 1e-4
const rule = {
  id: 'scaler-onnx-parity',
  threshold: `the graph scales as float64 arithmetic does, within ${tolerance} + ${tolerance} |z|`,
}

/** A column of what the graph gives, and what float64 arithmetic makes of the same rows. */
interface ScaledColumn {
  readonly input: string
  readonly place: number
  readonly wanted: Float64Array
}

/** The graph up to its scalers, loaded, and what it should give. */
interface ScalerGraph {
  readonly loaded: LoadedModel
  readonly columns: readonly ScaledColumn[]
}

/**
 * S6: the scaler inside the graph, run by the inference runtime, against float64 arithmetic on the same rows. Scores and
 * decisions are held by the export's own parity check, more strictly.
 */
export async function scalerParity(
  file: ScaledFile,
  runtime: InferenceRuntime,
  { rows, inputs }: InputRows,
): Promise<CheckResult> {
  const opened = file.artifact.outside ? await openForeign(file, runtime, inputs) : await openOwn(file, runtime, inputs)
  const target = { model: file.model }
  if (typeof opened === 'string')
    return scalerCheck(rule, target, { evaluated: 0, findings: [], good: '', nothing: opened })
  const { loaded, columns } = opened
  try {
    const all = Int32Array.from({ length: rows }, (_, row) => row)
    const { scores } = await loaded.run(batchOf(file.inputs, inputs, all))
    const width = scores.length / rows
    let worst = 0
    const findings: Finding[] = []
    for (const { input, place, wanted } of columns) {
      let bad = 0
      let first = ''
      wanted.forEach((z, row) => {
        const got = scores[row * width + place] as number
        // What is missing stays missing
        const relative = Number.isNaN(z) && Number.isNaN(got) ? 0 : Math.abs(z - got) / (1 + Math.abs(z))
        if (relative > worst) worst = relative
        if (relative <= tolerance) return
        if (bad++ === 0) first = `row ${row} gives ${got}, ${z} is right`
      })
      if (bad > 0)
        findings.push({
          column: input,
          level: 'fail',
          text: `${input} is scaled wrongly in ${plural(bad, 'row')}: ${first}`,
        })
    }
    return scalerCheck(rule, target, {
      evaluated: rows,
      findings,
      good: `the graph scales ${plural(rows, 'row')} within ${figure(worst)} of float64`,
      observed: { worst },
    })
  } finally {
    await loaded.close()
  }
}

type Columns = InputRows['inputs']

/** A graph that Millrace wrote: its beginning is a model of its own. */
async function openOwn(
  { artifact, onnx, inputs }: ScaledFile,
  runtime: InferenceRuntime,
  columns: Columns,
): Promise<ScalerGraph | string> {
  const part = scalerPart(readModel(onnx))
  if (!part) return 'the graph does not scale'
  const texts = new Float32Array(columns[0]?.length ?? 0)
  const wanted = transform(
    parametersOf(artifact),
    columns.map(column => (column instanceof Float32Array ? column : texts)),
  )
  const order = graphOrder(inputs).filter(at => inputs[at]?.kind === 'number')
  return {
    loaded: await runtime.load(part),
    columns: order.map((at, place) => ({
      input: artifact.features[at]?.name ?? '',
      place,
      wanted: wanted[at] as Float64Array,
    })),
  }
}

/** Any other: what its scalers give is one more output, and what they were read to do is what must come. */
async function openForeign(file: ScaledFile, runtime: InferenceRuntime, rows: Columns): Promise<ScalerGraph | string> {
  const scaling = scalingInGraph(file)
  if (!scaling || !file.binding) return 'the trainer scales by itself, if it does'
  if (scaling.scales.length === 0) return unscaledWords(scaling) || 'the model takes no numbers'
  const { starts, width } = placesOf(scaling)
  const loaded = await openColumns(runtime, file.onnx, file.binding, [...starts.keys()], width)
  if (!loaded) return 'the runtime does not give what the graph has scaled'
  const places = new Map(file.inputs.map((input, at) => [input.name, at]))
  return {
    loaded,
    columns: scaling.scales.map(scale => ({
      input: scale.input,
      place: (starts.get(scale.value) ?? 0) + scale.place,
      wanted: scaledBy(scale, rows[places.get(scale.input) ?? -1] as Float32Array),
    })),
  }
}

/** Where the columns of each value begin when they are side by side. */
function placesOf({ scales }: GraphScaling): { readonly starts: ReadonlyMap<string, number>; readonly width: number } {
  const starts = new Map<string, number>()
  let width = 0
  for (const scale of scales) {
    if (starts.has(scale.value)) continue
    starts.set(scale.value, width)
    width += scale.width
  }
  return { starts, width }
}

function scaledBy({ offset, scale, missing = Number.NaN, clip }: InputScale, column: Float32Array): Float64Array {
  return Float64Array.from(column, value => {
    const z = Number.isNaN(value) ? missing : (value - offset) / scale
    // What is not there is not cut either
    return Number.isNaN(z) ? z : Math.min(clip?.max ?? Infinity, Math.max(clip?.min ?? -Infinity, z))
  })
}

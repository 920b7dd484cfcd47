import { columnsOf } from '../../define/expression/index.ts'
import { requestColumnNames } from '../../define/request.ts'
import type { Model } from '../../define/model.ts'
import {
  assumedBinding,
  type ModelBinding,
  readModel,
  type SignatureInput,
  signatureOf,
  tensorOutput,
} from '../../onnx/index.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { ModelCard } from '../../ports/trainer.ts'
import type { EdgeColumn, EdgeDescription, EdgeFeed } from './description.ts'

/** What a version is made of where it is taken to: its graph, with one tensor of scores, and what feeds it. */
export function describeForEdge(
  record: Pick<ModelVersion, 'model' | 'version' | 'digest'>,
  model: Model,
  card: ModelCard,
  bytes: Uint8Array,
): { readonly description: EdgeDescription; readonly onnx: Uint8Array } {
  const parsed = readModel(bytes)
  const signature = signatureOf(parsed)
  const binding = card.binding ?? assumedBinding(signature)
  const { output, bytes: onnx } = tensorOutput(bytes, parsed, binding.scores.output)
  const rows = signature.inputs[0]?.rows
  const { form, width, columns } = binding.scores
  return {
    onnx,
    description: {
      kind: 'edge model',
      schema: 1,
      model: record.model,
      version: record.version,
      digest: record.digest,
      task: model.task,
      classes: card.classes,
      threshold: model.threshold,
      columns: columnsFor(model),
      inputs: model.inputs.map(({ name, type, node }) => ({ name, type, node })),
      feeds: signature.inputs.map(input => feedOf(input, binding)),
      ...(rows === undefined ? {} : { rows }),
      scores: { output, label: form === 'label', width, columns },
    },
  }
}

/** What a request carries, and in the place of keys the features themselves. */
function columnsFor(model: Model): EdgeColumn[] {
  const read = new Set(model.inputs.flatMap(input => columnsOf(input.node)))
  const own = requestColumnNames(model).flatMap((name): EdgeColumn[] => {
    const spec = model.from.columns[name]
    return spec && read.has(name) ? [{ name, type: spec.type, nullable: spec.nullable, feature: false }] : []
  })
  const features = [...read].filter(name => name.includes('.'))
  return [...own, ...features.map((name): EdgeColumn => ({ name, type: 'float', nullable: true, feature: true }))]
}

function feedOf({ name, type, shape }: SignatureInput, binding: ModelBinding): EdgeFeed {
  const row = binding.inputs.filter(input => (input.type === 'text') === (type === 'string')).map(input => input.name)
  const of = (binding.feeds.find(feed => feed.input === name)?.of ?? []).map(input => row.indexOf(input))
  const inner = shape?.slice(1)
  const fixed = inner?.every(size => typeof size === 'number')
  const dims =
    shape?.length === 1
      ? []
      : fixed
        ? (inner as number[])
        : [...Array.from({ length: (inner?.length ?? 1) - 1 }, () => 1), of.length]
  return { input: name, type, dims, of }
}

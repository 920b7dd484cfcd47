import { resolve } from 'node:path'
import { publishFile } from '../../../internal/publish.ts'
import { readSklearnScaler } from '../../../stages/import/sklearn-scaler/read.ts'
import type { Command } from '../../command.ts'
import { readSource } from './read-source.ts'

const figure = (x: number): string => String(Number(x.toPrecision(6)))

export const command: Command = {
  summary: 'read a scaler that scikit-learn fitted, without running a pickle',
  details: `Reads figures and runs nothing: ONNX (as skl2onnx writes it), JSON and .npz with scikit-learn's attribute
names (mean_, scale_, data_min_, …), and skops. A parameter that is left out has
scikit-learn's default (with_mean, with_std: true). A pickle is refused. ONNX holds an offset and a factor, not which
scaler they came from.`,
  arguments: [{ name: 'file', description: 'scaler.onnx, .json, .npz or .skops', required: true }],
  options: [{ flags: '--out <file>', description: 'also write the figures as JSON' }],
  async run({ args, options, cwd, out }) {
    const file = args[0] as string
    const { form, scaler } = readSklearnScaler(await readSource(cwd, file), file)
    const result = { file, form, scaler }
    out.data(result)
    const what = scaler.class ?? (scaler.kind === undefined ? 'a scaler' : `a ${scaler.kind} scaler`)
    out.line(`${what} of ${scaler.features.length} features, from ${form}`)
    if (!scaler.named) out.line('It carries no names: the features are called by their place.')
    if (scaler.clip)
      out.line(`It cuts scaled values to ${scaler.clip.join(' … ')}, which a Millrace scaler does not do.`)
    out.line()
    out.table(
      ['feature', 'minus', 'divided by'],
      scaler.features.map(feature => [feature.name, figure(feature.offset), figure(feature.scale)]),
    )
    if (typeof options.out === 'string') {
      const path = resolve(cwd, options.out)
      await publishFile(path, `${JSON.stringify(scaler, null, 2)}\n`)
      out.note(`wrote ${options.out}`)
    }
  },
}

import { fitScaler, leaveUnscaled, type ScalerParameters } from '../../math/scaler/index.ts'
import type { TrainingFrame, TrainingRequest } from '../../ports/trainer.ts'

/** What is known of the inputs of a model that scales by itself, or not at all: their statistics in the training rows. */
export async function unscaled(inputs: TrainingRequest['inputs'], frame: TrainingFrame): Promise<ScalerParameters> {
  const rows = await frame.rows('train')
  const columns = rows.inputs.map(column => (column instanceof Float32Array ? column : new Float32Array(rows.rows)))
  const texts = inputs.flatMap((input, i) => (input.type === 'text' ? [i] : []))
  return leaveUnscaled(
    fitScaler(
      inputs.map(() => 'none'),
      columns,
    ),
    texts,
  )
}

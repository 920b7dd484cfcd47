import { datasetOf } from '../../../app/dataset-of.ts'
import { makeSnapshot, type SnapshotAnswer } from '../../../app/snapshot.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Dataset } from '../../../define/dataset.ts'
import { quarantineSentence } from '../../../define/report.ts'
import { shortDigest } from '../../../internal/digest.ts'
import { refusedForRows } from '../../../stages/pipeline/gate.ts'
import type { Command, Output } from '../../command.ts'
import { endedLines } from '../../ended-repairs.ts'
import { listenerOf } from '../../listener.ts'
import { counted } from '../../words.ts'

function print(answer: SnapshotAnswer, dataset: Dataset, out: Output): number {
  const { snapshot, rows, readmitted, quarantine, report, error } = answer
  const ended = endedLines(dataset.name, answer.endedRepairs)
  if (snapshot === null) {
    out.line(`${dataset.name}: no snapshot; ${error?.reason ?? 'no reason was recorded'}`)
    for (const line of ended) out.line(line)
    if (quarantine && report && refusedForRows(report, dataset))
      out.line(`Next:  npx millrace data quarantine ${dataset.name}`)
    return error?.exit ?? 1
  }
  out.line(`${dataset.name}: snapshot ${shortDigest(snapshot)}, ${counted(rows ?? 0, 'row')}`)
  if (readmitted > 0) out.line(`  ${counted(readmitted, 'row')} of them repaired and let in again`)
  for (const line of ended) out.line(`  ${line}`)
  const left = report && quarantineSentence(report)
  if (left) out.line(`  ${left}`)
  if (left && quarantine) out.line(`Next:  npx millrace data quarantine ${dataset.name}`)
  return 0
}

export const command: Command = {
  summary: 'validate a dataset and keep its good rows as a snapshot',
  details: `The first step of "train", by itself. Good and bad rows become two artifacts at once, or neither does; what is made from
the dataset sees the good ones. Exit code 1 when the gate refuses the whole.`,
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  resumable: true,
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const dataset = datasetOf(workspace, args[0])
      const { listener, end } = listenerOf(out)
      const answer = await makeSnapshot(workspace, { dataset: dataset.name }, listener).finally(end)
      const { report: _report, ...printed } = answer
      out.data(printed)
      return print(answer, dataset, out)
    }),
}

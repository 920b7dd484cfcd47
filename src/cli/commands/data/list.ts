import { shortDigest } from '../../../internal/digest.ts'
import { datasetStepName } from '../../../stages/pipeline/validation.ts'
import type { Command } from '../../command.ts'
import { datasetOf } from '../../../app/dataset-of.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

/** Snapshots of each dataset that are shown. */
const most = 20

export const command: Command = {
  summary: 'snapshots of the datasets',
  details: 'Newest first; the same content is one snapshot however often it was made.',
  arguments: [{ name: 'dataset', description: 'one dataset (default: all)' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const chosen = args[0] === undefined ? [...workspace.project.datasets.values()] : [datasetOf(workspace, args[0])]
      const found: {
        dataset: string
        digest: string
        rows: unknown
        quarantined: unknown
        readmitted: unknown
        at: number
      }[] = []
      for (const dataset of chosen) {
        const seen = new Set<string>()
        for (const { outputs, endedAt, startedAt } of await workspace.store.stepHistory(
          datasetStepName(dataset),
          200,
        )) {
          const data = outputs?.data
          if (!data || seen.has(data.digest) || seen.size === most) continue
          seen.add(data.digest)
          const { rows, quarantined, readmitted = 0 } = data.meta ?? {}
          const at = endedAt ?? startedAt ?? 0
          found.push({ dataset: dataset.name, digest: data.digest, rows, quarantined, readmitted, at })
        }
      }
      out.data(found)
      if (found.length === 0) out.line('There is no snapshot yet:  npx millrace data snapshot')
      else
        out.table(
          ['dataset', 'snapshot', 'rows', 'quarantined', 'readmitted', 'made'],
          found.map(one => [
            one.dataset,
            shortDigest(one.digest as `sha256:${string}`),
            Number(one.rows),
            Number(one.quarantined),
            Number(one.readmitted),
            new Date(one.at / 1000).toISOString().slice(0, 19).replace('T', ' '),
          ]),
        )
    }),
}

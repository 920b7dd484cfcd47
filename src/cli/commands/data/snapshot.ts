import { runEnvironment, stepEnvironment } from '../../../config/environment.ts'
import type { Workspace } from '../../../config/workspace.ts'
import type { RunResult } from '../../../engine/index.ts'
import { isLost } from '../../snapshots.ts'
import type { StepRecord } from '../../../ports/metadata-store.ts'
import { quarantineSentence, type Report } from '../../../define/report.ts'
import { shortDigest, type Digest } from '../../../internal/digest.ts'
import { refusedForRows } from '../../../stages/pipeline/gate.ts'
import { startSnapshot } from '../../../stages/pipeline/run.ts'
import { endedRepairs } from '../../../stages/readmit/ended.ts'
import type { Command } from '../../command.ts'
import { datasetOf } from '../../dataset-of.ts'
import { endedLines } from '../../ended-repairs.ts'
import { createProgress } from '../../progress.ts'
import { withWorkspace } from '../../with-workspace.ts'
import { counted } from '../../words.ts'

async function reportOf({ artifacts }: Workspace, digest: Digest | undefined): Promise<Report | undefined> {
  return digest && (JSON.parse(Buffer.from(await artifacts.get(digest)).toString()) as Report)
}

/** Whether an output is not as it was made; each that is damaged is set aside. */
async function isAnyLost({ artifacts }: Workspace, outputs: StepRecord['outputs']): Promise<boolean> {
  let lost = false
  for (const { digest } of Object.values(outputs ?? {}))
    await artifacts.localPath(digest).catch((error: unknown) => {
      if (!isLost(error)) throw error
      lost = true
    })
  return lost
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
      const progress = createProgress(out.json)
      const engine = await workspace.engineOf(event => {
        if (event.type === 'progress') progress.say(`${event.step}: ${event.message ?? ''}`)
      })
      const made = async (): Promise<{ runId: string; result: RunResult }> => {
        const run = await startSnapshot(workspace, engine, {
          dataset,
          stepEnvironment: await stepEnvironment(workspace.root),
          runEnvironment: await runEnvironment(workspace),
        })
        return { runId: run.runId, result: await run.done.finally(() => progress.end()) }
      }
      let run = await made()
      // What an earlier run made may be damaged since: looking sets it aside, and the step makes it again
      if (await isAnyLost(workspace, run.result.steps[0]?.outputs)) run = await made()
      const { result } = run
      const [step] = result.steps
      const { data, quarantine, report } = step?.outputs ?? {}
      const error = result.error as { readonly reason?: string; readonly exit?: number } | undefined
      const rowsOf = (value: unknown): string => counted(Number(value ?? 0), 'row')
      const ended = await endedRepairs(workspace, dataset)
      const whole = await reportOf(workspace, report?.digest)
      out.data({
        run: run.runId,
        status: result.status,
        snapshot: data?.digest ?? null,
        rows: data?.meta?.rows ?? null,
        quarantine: quarantine?.digest ?? null,
        quarantined: whole?.evidence.quarantined ?? null,
        readmitted: data?.meta?.readmitted ?? 0,
        endedRepairs: ended,
        error: error ?? null,
      })
      if (data) {
        const { rows, readmitted } = data.meta ?? {}
        out.line(`${dataset.name}: snapshot ${shortDigest(data.digest)}, ${rowsOf(rows)}`)
        if (readmitted) out.line(`  ${rowsOf(readmitted)} of them repaired and let in again`)
        for (const line of endedLines(dataset.name, ended)) out.line(`  ${line}`)
        const left = whole && quarantineSentence(whole)
        if (left) out.line(`  ${left}`)
        if (left) out.line(`Next:  npx millrace data quarantine ${dataset.name}`)
        return 0
      }
      out.line(`${dataset.name}: no snapshot; ${error?.reason ?? 'no reason was recorded'}`)
      for (const line of endedLines(dataset.name, ended)) out.line(line)
      if (quarantine && whole && refusedForRows(whole, dataset))
        out.line(`Next:  npx millrace data quarantine ${dataset.name}`)
      return error?.exit ?? 1
    }),
}

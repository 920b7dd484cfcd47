import { formatTime } from '../../../internal/time.ts'
import { parametersInWords, winnerOf } from '../../../stages/pipeline/winner.ts'
import { sameArtifacts } from '../../../stages/version/same-artifact.ts'
import type { Command } from '../../command.ts'
import { versionOf } from '../../../app/version-of.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'one version with its proofs',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store, artifacts }) => {
      const version = await versionOf(store, args[0])
      const run = await store.getRun(version.runId)
      const all = await store.listModelVersions(version.model)
      const [, sameAs] = [...sameArtifacts(all)].find(([one]) => one.version === version.version) ?? []
      const winner = await winnerOf({ artifacts }, version)
      out.data({ ...version, run: run ?? null, sameAs: sameAs ?? null, chosen: winner ?? null })
      out.line(
        `${version.model}@${version.version}  made ${formatTime(version.createdAt)} by run ${version.runId} (${String(version.facts.trigger ?? 'unknown trigger')})`,
      )
      if (sameAs) out.line(`  the same file as ${version.model}@${sameAs}: nothing that training reads had changed`)
      if (winner)
        out.line(
          `  chosen by ${winner.trials} trials: ${parametersInWords(winner.parameters)} (${winner.metric} ${winner.value.toPrecision(4)} on the folds)`,
        )
      for (const [name, value] of Object.entries(version.metrics))
        out.line(`  ${name.padEnd(10)} ${Number(value).toPrecision(5)}`)
      out.line()
      out.table(
        ['part', 'digest'],
        [
          ['onnx', version.digest],
          ...Object.entries(version.facts).flatMap(([name, value]) =>
            typeof value === 'string' && value.startsWith('sha256:') && name !== 'onnx' ? [[name, value]] : [],
          ),
        ],
      )
      const environment = version.facts.environment as Record<string, unknown> | undefined
      if (environment)
        out.line(
          `commit ${String(environment.commit ?? 'none')}${environment.dirty ? ` with uncommitted changes${environment.changes ? ` (kept: ${(environment.changedFiles as string[]).join(', ')})` : ''}` : ''}, node ${String(environment.node ?? '')}`,
        )
    }),
}

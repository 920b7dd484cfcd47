import { shortDigest } from '../../../internal/digest.ts'
import { formatTime } from '../../../internal/time.ts'
import { sameArtifacts } from '../../../stages/version/same-artifact.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'versions with their metrics and aliases',
  arguments: [{ name: 'model', description: 'only this one' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      const versions = await store.listModelVersions(args[0])
      const aliases = new Map<string, string[]>()
      for (const model of new Set(versions.map(one => one.model)))
        for (const [alias, version] of Object.entries(await store.aliases(model)))
          aliases.set(`${model}@${version}`, [...(aliases.get(`${model}@${version}`) ?? []), alias])
      const same = sameArtifacts(versions)
      out.data(
        versions.map(one => ({
          ...one,
          aliases: aliases.get(`${one.model}@${one.version}`) ?? [],
          sameAs: same.get(one) ?? null,
        })),
      )
      if (versions.length === 0) out.line('No version yet. Next: npx millrace train')
      else
        out.table(
          ['version', 'alias', 'made', 'trigger', 'digest', 'same as', 'metrics'],
          versions.map(one => [
            `${one.model}@${one.version}`,
            (aliases.get(`${one.model}@${one.version}`) ?? []).join(' '),
            formatTime(one.createdAt).slice(0, 16),
            String(one.facts.trigger ?? ''),
            shortDigest(one.digest),
            same.get(one) ? `= @${same.get(one)}` : '',
            Object.entries(one.metrics)
              .map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`)
              .join(' '),
          ]),
        )
    }),
}

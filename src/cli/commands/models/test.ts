import type { Model } from '../../../define/model.ts'
import { ulid } from '../../../internal/ids.ts'
import { keepCounterexamples, readCounterexamples } from '../../../stages/evaluate/counterexamples.ts'
import { seedOf } from '../../../stages/evaluate/seed.ts'
import { runSuite } from '../../../stages/evaluate/suite.ts'
import { frameKey } from '../../../stages/pipeline/save.ts'
import { partDigest, versionName } from '../../../stages/register/version-parts.ts'
import { loadVersion } from '../../../stages/serve/served-version.ts'
import { readFrame } from '../../../stages/train/read-frame.ts'
import type { Command } from '../../command.ts'
import { reporters } from '../../reporters/index.ts'
import { versionOf } from '../../version-argument.ts'
import { withWorkspace } from '../../with-workspace.ts'

/** The tests that are declared now, where they are about the inputs that the version has; else those it was made with. */
function testsFor(made: Model, declared: Model | undefined): Model['tests'] {
  const inputs = (model: Model): string => JSON.stringify(model.inputs.map(one => [one.name, one.type]))
  return declared && declared.task === made.task && inputs(declared) === inputs(made) ? declared.tests : made.tests
}

export const command: Command = {
  summary: 'run the tests of a version again',
  details: 'On the exported file and the test rows it was made with. Exit code 1 when a critical test fails.',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const record = await versionOf(workspace.store, args[0])
      const name = versionName(record)
      const version = await loadVersion(workspace, record)
      try {
        const bytes = (await workspace.artifacts.size(record.digest)) ?? 0
        const engine = await workspace.engine()
        const path = await workspace.artifacts.localPath(partDigest(record, 'frame'))
        const frame = await readFrame(engine, path, version.model.inputs, 'test', 60_000)
        const train = await readFrame(engine, path, version.model.inputs, 'train', 60_000)
        const declared = workspace.project.models.get(record.model)
        const tests = testsFor(version.model, declared)
        if (declared && tests !== declared.tests)
          out.note(
            `${name} is tested by the tests that it was made with: ${record.model} is declared with other inputs now.`,
          )
        const onnx = await workspace.artifacts.get(record.digest)
        const { report, counterexamples } = await runSuite({
          model: { ...version.model, tests },
          name,
          subject: { loaded: version.loaded, inputs: version.card.inputs },
          bytes,
          onnx,
          kept: await readCounterexamples(workspace.store, record.model),
          frame,
          classes: version.card.classes,
          ...(version.model.quantile === undefined ? {} : { level: version.model.quantile }),
          train,
          seed: seedOf(ulid()),
          clock: workspace.clock,
          further: [version.golden],
        })
        if (frameKey(version.model) === undefined)
          await keepCounterexamples(workspace.store, record.model, counterexamples, workspace.clock.now())
        await workspace.store.addReport(report)
        out.data(report)
        if (!out.json)
          process.stdout.write(
            `${(await reporters.pretty())([report], { root: workspace.root, color: process.stdout.isTTY === true })}\n`,
          )
        return report.status === 'fail' || report.status === 'error' ? 1 : 0
      } finally {
        await version.loaded.close()
      }
    }),
}

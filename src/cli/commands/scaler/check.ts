import { overallStatus, type Report } from '../../../define/report.ts'
import { ulid } from '../../../internal/ids.ts'
import { partDigest, readPart } from '../../../stages/register/version-parts.ts'
import { scalerParity, unitChange, declaredUnits } from '../../../stages/scaler/index.ts'
import { proveScaler } from '../../../stages/scaler/prove.ts'
import { loadVersion } from '../../../stages/serve/served-version.ts'
import { readFrame } from '../../../stages/train/read-frame.ts'
import type { Command } from '../../command.ts'
import { printReports, reporterOf, reportOptions } from '../../report-output.ts'
import { versionOf } from '../../../app/version-of.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

const maxRows = 60_000
const parityRows = 1_000

export const command: Command = {
  summary: 'prove the scaler of a version',
  details:
    'Names and order, refit, leak, constants, precision, parity, ranges, units, missing values, digests: on the frame that the version was made with, its ONNX file and the registry. Traffic is held against the same rules by "millrace up". Exit code 1 when a check fails.',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  options: [
    ...reportOptions,
    { flags: '--against <version>', description: 'another version whose units are compared (default: the champion)' },
  ],
  async run(invocation) {
    const reporter = reporterOf(invocation, 'scaler check')
    const { args, cwd, options } = invocation
    return withWorkspace(cwd, async workspace => {
      const { store, artifacts, clock } = workspace
      const record = await versionOf(store, args[0])
      const name = `${record.model}@${record.version}`
      const engine = await workspace.engine()
      const path = await artifacts.localPath(partDigest(record, 'frame'))
      const served = await loadVersion(workspace, record)
      try {
        const { card, model, profile, scaler } = served
        const test = await readFrame(engine, path, model.inputs, 'test', maxRows)
        const onnx = await artifacts.get(record.digest)
        const version = {
          model: name,
          artifact: scaler.artifact,
          digest: scaler.digest,
          onnx,
          inputs: card.inputs,
          binding: card.binding,
          declared: model.inputs.map(input => input.name),
          registered: partDigest(record, 'scaler'),
        }
        const checks = await proveScaler(engine, version, { path, test }, profile)
        const some = await readFrame(engine, path, model.inputs, 'test', parityRows)
        checks.push(await scalerParity(version, await workspace.runtime(), some))
        const against = options.against ?? (await store.aliases(record.model)).champion
        if (against !== undefined && against !== record.version) {
          const other = await versionOf(store, typeof against === 'string' ? against : `${record.model}@${against}`)
          const before = await readPart(workspace, other, 'scaler')
          const units = (await readPart(workspace, other, 'declaration')).units
          checks.push(unitChange(name, scaler.artifact, before, declaredUnits(model.units, units)))
        }
        const report: Report = {
          id: ulid(),
          kind: 'scaler',
          subject: name,
          at: clock.now(),
          status: overallStatus(checks),
          checks,
          evidence: { scaler: scaler.digest, onnx: record.digest, rows: test.rows },
        }
        await store.addReport(report)
        return printReports(invocation, reporter, [report], workspace.root)
      } finally {
        await served.loaded.close()
      }
    })
  },
}

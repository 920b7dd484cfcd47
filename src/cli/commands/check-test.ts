import { existsSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { personalColumns } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import { publishFile } from '../../internal/publish.ts'
import { checkTest, sampleRows } from '../../stages/check-test/write.ts'
import { validationServices } from '../../stages/pipeline/validation.ts'
import { validate } from '../../stages/validate/validate.ts'
import type { Command } from '../command.ts'
import { datasetOf } from '../../app/dataset-of.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

export const command: Command = {
  summary: 'write a Vitest file that tests the expectations of a dataset on rows',
  details: `The rows are real ones of the source: one that breaks nothing, and for each check that some row breaks such a row. Change
and add rows by hand: a row is an object, checkRows of millrace/testing evaluates it, and no source is read.`,
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  options: [
    { flags: '--out <file>', description: 'where to (default: <dataset>.check.test.ts beside the project file)' },
    { flags: '--force', description: 'write over a file that is there' },
  ],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const dataset = datasetOf(workspace, args[0])
      const file =
        typeof options.out === 'string'
          ? resolve(cwd, options.out)
          : resolve(workspace.root, `${dataset.name}.check.test.ts`)
      const refuse = (reason: string) => fail('usageWrong', { reason, verb: 'check-test' })
      if (existsSync(file) && options.force !== true)
        throw refuse('That file is there already; --force writes over it.')
      const [personal] = personalColumns(dataset)
      if (personal !== undefined)
        throw refuse(`Rows of ${dataset.name} hold personal data ('${personal}'): write made-up ones by hand.`)
      const services = await validationServices(workspace, dataset)
      const validation = await validate(services, dataset)
      try {
        await validation.ready('one of them becomes a test')
        const rows = await sampleRows(services.engine, validation)
        const place = relative(dirname(file), resolve(workspace.root, 'millrace.config.ts')).split(sep).join('/')
        await publishFile(file, checkTest(dataset, place.startsWith('.') ? place : `./${place}`, rows))
        const shown = relative(cwd, file)
        out.data({ file, tests: rows.bad.length + 1 })
        out.line(`wrote ${shown}: ${rows.bad.length + 1} tests`)
        out.line(`Next:  npx vitest run ${shown}`)
      } finally {
        await validation.release()
      }
    }),
}

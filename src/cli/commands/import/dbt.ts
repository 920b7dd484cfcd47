import { readProperties } from '../../../stages/import/expectations/dbt/schema.ts'
import { importCommand } from '../../import-expectations.ts'

export const command = importCommand({
  title: 'dbt',
  summary: 'bring the tests of dbt models over',
  details: `Reads properties files: models, sources, seeds and snapshots with the tests of their columns. Besides dbt's own four tests
those of dbt_utils and dbt_expectations that have a counterpart.`,
  file: 'schema.yml, or a folder of them',
  endings: ['.yml', '.yaml'],
  read: readProperties,
})

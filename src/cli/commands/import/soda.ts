import { readSoda } from '../../../stages/import/expectations/soda/contract.ts'
import { importCommand } from '../../import-expectations.ts'

export const command = importCommand({
  title: 'Soda',
  summary: 'bring the checks and contracts of Soda over',
  details: 'Reads files of SodaCL checks (version 3) and data contracts (version 4).',
  file: 'checks.yml or contract.yml, or a folder of them',
  endings: ['.yml', '.yaml'],
  read: readSoda,
})

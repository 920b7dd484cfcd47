import { readSchema } from '../../../stages/import/expectations/pandera/schema.ts'
import { importCommand } from '../../import-expectations.ts'

export const command = importCommand({
  title: 'Pandera',
  summary: 'bring the schemas of Pandera over',
  details: 'Reads the YAML that schema.to_yaml() writes, of every version.',
  file: 'schema.yaml',
  endings: ['.yaml', '.yml'],
  read: (file, bytes) => [readSchema(file, bytes)],
})

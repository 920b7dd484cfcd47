import { readSuite } from '../../../stages/import/expectations/great-expectations/suite.ts'
import { importCommand } from '../../import-expectations.ts'

export const command = importCommand({
  title: 'Great Expectations',
  summary: 'bring the suites of Great Expectations over',
  details: 'Reads the JSON of suites, 0.x and 1.x; of a folder every .json below it.',
  file: 'suite.json, or a folder of suites',
  endings: ['.json'],
  read: (file, bytes) => [readSuite(file, bytes)],
})

import { expect, test } from 'vitest'
import { systemError } from './system.ts'

const thrown = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: refused`), { code, ...(path === undefined ? {} : { path }) })

test.each([
  ['EMFILE', 'MR3019'],
  ['ENFILE', 'MR3019'],
  ['EACCES', 'MR3014'],
  ['EROFS', 'MR3014'],
] as const)('%s of a file is told by its path', (code, told) => {
  const known = systemError(thrown(code, '/data/a.csv'))
  expect(known).toMatchObject({ code: told, exit: 3 })
  expect(known?.message).toContain('/data/a.csv')
})

test('what the system has no word for is nobody’s but ours', () => {
  expect(systemError(new TypeError('boom'))).toBeUndefined()
})

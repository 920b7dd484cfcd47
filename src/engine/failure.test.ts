import { expect, it } from 'vitest'
import { fail } from '../errors/index.ts'
import { failureOfError, retryAfter } from './failure.ts'

it('a file that can never be read is tried once; a server that is away is tried again', () => {
  const file = failureOfError(fail('sourceUnreadable', { source: 'a.csv', reason: 'it is no CSV' }))
  expect(file.failure).toBe('error')
  expect(retryAfter(undefined, file.failure, 1)).toBeUndefined()
  const away = { table: 't', place: 'PostgreSQL', wanted: '', reason: 'connection refused' }
  const server = failureOfError(fail('databaseUnreachable', away))
  expect(server.failure).toBe('infrastructure')
  expect(retryAfter(undefined, server.failure, 1)).toBe(1000)
})

import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { describeFailure } from './failure.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-failure-'))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))

function fresh(): string {
  const root = mkdtempSync(join(base, 'p-'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
  return root
}
const logOf = (root: string): string =>
  (describeFailure(new TypeError('boom'), 'train', root, '1.0.0').json as { error: { log: string } }).error.log

describe('the log of a mistake of our own', () => {
  test('is a new, private file below the project', () => {
    const root = fresh()
    const file = logOf(root)
    expect(dirname(file)).toBe(join(root, '.millrace'))
    expect(lstatSync(file).mode & 0o777).toBe(0o600)
    expect(lstatSync(dirname(file)).mode & 0o777).toBe(0o700)
    expect(readFileSync(file, 'utf8')).toContain('TypeError: boom')
  })

  test('follows no link, and writes into no folder that is another user’s', () => {
    const [linked, foreign, target] = [fresh(), fresh(), mkdtempSync(join(base, 't-'))]
    symlinkSync(target, join(linked, '.millrace'))
    mkdirSync(join(foreign, '.millrace'))
    const roots = [linked]
    if (process.getuid?.() === 0) {
      chownSync(join(foreign, '.millrace'), 65_534, 65_534)
      roots.push(foreign)
    } else console.warn('SKIPPED: a folder of another user; only root can give one away')
    for (const root of roots) {
      const file = logOf(root)
      expect(file.startsWith(join(tmpdir(), 'millrace-crash-'))).toBe(true)
      expect(lstatSync(dirname(file)).mode & 0o777).toBe(0o700)
      expect(existsSync(file)).toBe(true)
      rmSync(dirname(file), { recursive: true })
    }
    expect(readdirSync(target)).toEqual([])
    expect(readdirSync(join(foreign, '.millrace'))).toEqual([])
  })
})

describe('what the system refuses is no mistake of our own', () => {
  const said = (code: string, over: object = {}): string =>
    describeFailure(Object.assign(new Error(`${code}: x`), { code, path: '/p/.millrace/x', ...over }), '', base, '1')
      .text
  test.each([
    'ENOSPC',
    'EDQUOT',
    'EROFS',
    'EACCES',
    'EPERM',
    'EMFILE',
    'ENFILE',
    'ENOTDIR',
    'EISDIR',
    'ELOOP',
    'EIO',
    'ENOENT',
  ])('%s', code => {
    expect(said(code)).toMatch(/MR\d{4}/)
    expect(said(code)).toContain('/p/.millrace/x')
    expect(said(code)).not.toContain('bug')
  })
  test.each([
    ['SQLITE_FULL', { code: 'ERR_SQLITE_ERROR', errcode: 13 }],
    ['SQLITE_IOERR_WRITE', { code: 'ERR_SQLITE_ERROR', errcode: 778 }],
    ['SQLITE_READONLY_DBMOVED', { code: 'ERR_SQLITE_ERROR', errcode: 1032 }],
    ['SQLITE_CANTOPEN', { code: 'ERR_SQLITE_ERROR', errcode: 14 }],
    ['SQLITE_CORRUPT', { code: 'ERR_SQLITE_ERROR', errcode: 11 }],
    ['MDB_MAP_FULL: limit reached', { code: -30_792 }],
    ['IO Error: Could not write: No space left on device', { code: undefined }],
  ])('%s', (message, over) => {
    const error = Object.assign(new Error(message), { path: '/p/.millrace/x', ...over })
    const { text } = describeFailure(new Error('wrapped', { cause: error }), '', base, '1')
    expect(text).toMatch(/MR\d{4}/)
    expect(text).not.toContain('bug')
  })
  test('a file that is missing elsewhere may well be one', () => {
    expect(said('ENOENT', { path: '/usr/lib/x' })).toContain('bug')
  })
})

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { whileLocked } from './support/locked.ts'
import { refused } from './support/refused.ts'

// Keys, grants, tokens and the audit log by the command line: who may, who may not, and what the flags change.

let root: string
const keystore = (): string => join(root, '.millrace', 'keys', 'keystore.json')
const run = (...words: string[]): Promise<Said> => inside(root, words)
const json = async <T>(...words: string[]): Promise<T> => JSON.parse((await run(...words, '--json')).out) as T

interface Key {
  readonly primaryVersion: number
  readonly grants: readonly { readonly principal: string; readonly actions: readonly string[] }[]
}
const emptyProject = "import { project } from 'millrace'\nexport default project('p', {})\n"
const before = process.env.MILLRACE_KEY_PASSPHRASE
beforeAll(() => {
  process.env.MILLRACE_KEY_PASSPHRASE = 'of the tests'
  root = mkdtempSync(join(tmpdir(), 'millrace-keys-'))
  writeFileSync(join(root, 'millrace.config.ts'), emptyProject)
})
afterAll(() => {
  if (before === undefined) delete process.env.MILLRACE_KEY_PASSPHRASE
  else process.env.MILLRACE_KEY_PASSPHRASE = before
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

test('a key is made once, by a name that is one, for whoever makes it', async () => {
  expect((await run('keys', 'list')).out).toContain('No key yet')
  refused(await run('keys', 'create', 'two\nlines'), 2, 'MR6017')
  refused(await run('keys', 'create', 'x'.repeat(101)), 2, 'MR6017')
  expect(await json<Key>('keys', 'create', 'plain')).toMatchObject({ grants: [{ principal: 'operator' }] })
  refused(await run('keys', 'create', 'plain'), 2, 'MR6014')
  expect(await json<Key>('keys', 'create', 'people', '--as', 'ada')).toMatchObject({
    primaryVersion: 1,
    grants: [{ principal: 'ada', actions: ['*'] }],
  })
})

test('a grant is given by who may, with the actions that are named, and taken back', async () => {
  refused(await run('keys', 'grant', 'people', 'bob'), 2, 'MR6013', 'operator', 'kms:Grant')
  refused(await run('keys', 'grant', 'nothing', 'bob'), 2, 'MR6012')
  refused(
    await run('keys', 'grant', 'people', 'bob', '--as', 'ada', '--actions', 'kms:Decript'),
    2,
    'MR1101',
    'kms:Decrypt',
  )
  const granted = async (...words: string[]) =>
    (await json<Key>(...words)).grants.find(one => one.principal === 'bob')?.actions
  expect(await granted('keys', 'grant', 'people', 'bob', '--as', 'ada')).toEqual(['kms:Decrypt', 'kms:GenerateDataKey'])
  refused(await run('keys', 'rotate', 'people', '--as', 'bob'), 2, 'MR6013', 'bob')
  expect(await granted('keys', 'grant', 'people', 'bob', '--as', 'ada', '--actions', 'kms:Rotate')).toContain(
    'kms:Rotate',
  )
  expect(await json<Key>('keys', 'rotate', 'people', '--as', 'bob')).toMatchObject({ primaryVersion: 2 })
  refused(await run('keys', 'revoke', 'people', 'bob', '--as', 'bob'), 2, 'MR6013')
  const revoked = await run('keys', 'revoke', 'people', 'bob', '--as', 'ada')
  expect(revoked.said).not.toMatch(/bob/)
  refused(await run('keys', 'rotate', 'people', '--as', 'bob'), 2, 'MR6013')
  // what was not there cannot be taken back, and that is said
  const again = await run('keys', 'revoke', 'people', 'bob', '--as', 'ada')
  expect(again).toMatchObject({ code: 0, said: expect.stringContaining('bob had no grant on people') as unknown })
})

test('a keystore that another process is changing is waited for, then refused', async () => {
  await whileLocked(`${keystore()}.lock`, async () => {
    refused(await run('keys', 'rotate', 'plain'), 3, 'MR6016', String(process.pid))
  })
  expect(await run('keys', 'rotate', 'plain')).toMatchObject({ code: 0 })
})

test('a keystore that is not the newest is refused until a person takes it, by name', async () => {
  const old = join(root, 'old.json')
  cpSync(keystore(), old)
  await run('keys', 'rotate', 'plain')
  cpSync(old, keystore())
  refused(await run('keys', 'list'), 3, 'MR6018')
  expect(await run('keys', 'accept', '--as', 'grace')).toMatchObject({ code: 0 })
  expect(await run('keys', 'list')).toMatchObject({ code: 0 })
  const decisions = await json<{ verdict: string; actor: string }[]>('decisions', '--kind', 'access')
  expect(decisions).toMatchObject([{ verdict: 'accepted', actor: 'grace' }])
})

test('a wrong passphrase opens nothing', async () => {
  process.env.MILLRACE_KEY_PASSPHRASE = 'another'
  refused(await run('keys', 'list'), 2, 'MR6010')
  process.env.MILLRACE_KEY_PASSPHRASE = 'of the tests'
  expect(await run('keys', 'list')).toMatchObject({ code: 0 })
})

test('a token has the scopes and the life that were asked for, and ends', async () => {
  interface Token {
    readonly id: string
    readonly scopes: readonly string[]
    readonly createdAt: number
    readonly expiresAt: number
  }
  const day = 86_400_000_000
  const plain = await json<Token>('token', 'create', 'plain')
  expect([plain.scopes, plain.expiresAt - plain.createdAt]).toEqual([['read'], 90 * day])
  const wide = await json<Token>('token', 'create', 'wide', '--scope', 'predict,operate', '--expires-in', '36h')
  expect([wide.scopes, wide.expiresAt - wide.createdAt]).toEqual([['predict', 'operate'], 1.5 * day])
  refused(await run('token', 'create', 'x', '--scope', 'read,root'), 2, 'MR1101', 'root', 'predict')
  refused(await run('token', 'create', 'x', '--expires-in', 'long'), 2, 'MR1101', 'long')
  refused(await run('token', 'create', 'x', '--expires-in', '0d'), 2, 'MR5024')
  refused(await run('token', 'create', 'two\nlines'), 2, 'MR5024')
  expect((await json<Token[]>('token', 'list')).map(one => one.id)).toEqual([plain.id, wide.id])
  refused(await run('token', 'revoke', 'nobody'), 2, 'MR5023', 'nobody')
  expect(await run('token', 'revoke', plain.id)).toMatchObject({ code: 0 })
  refused(await run('token', 'revoke', plain.id), 2, 'MR5023')
  expect((await json<Token[]>('token', 'list')).map(one => one.id)).toEqual([wide.id])
})

test('anchors that were kept elsewhere are all looked at, the last one too where nothing ends its line', async () => {
  const own = mkdtempSync(join(tmpdir(), 'millrace-anchors-'))
  const millrace = (...words: string[]): Promise<Said> => inside(own, words)
  const settings = JSON.stringify({ audit: { anchors: { file: join(own, 'elsewhere', 'anchors.jsonl') } } })
  writeFileSync(join(own, 'millrace.config.ts'), emptyProject.replace("'p', {}", `'p', {}, ${settings}`))
  const verify = async (kept: string): Promise<Said> => {
    writeFileSync(join(own, 'kept.jsonl'), kept)
    return millrace('audit', 'verify', '--anchors', 'kept.jsonl')
  }
  try {
    expect(await millrace('keys', 'create', 'one')).toMatchObject({ code: 0 })
    cpSync(join(own, '.millrace'), join(own, 'older'), { recursive: true })
    expect(await millrace('keys', 'create', 'two')).toMatchObject({ code: 0 })
    const lines = readFileSync(join(own, 'elsewhere', 'anchors.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    expect(lines.length).toBeGreaterThan(1)
    const last = lines.at(-1) as string
    expect(await verify(last)).toMatchObject({ code: 0, said: expect.stringContaining('are as they were written') })
    // everything put back to before, the place of anchors as well: only what was kept tells
    for (const name of ['.millrace', 'elsewhere']) rmSync(join(own, name), { recursive: true })
    cpSync(join(own, 'older'), join(own, '.millrace'), { recursive: true })
    mkdirSync(join(own, 'elsewhere'))
    writeFileSync(join(own, 'elsewhere', 'anchors.jsonl'), `${lines.slice(0, -1).join('\n')}\n`)
    expect(await verify(lines.slice(0, -1).join('\n'))).toMatchObject({ code: 0 })
    refused(await verify(lines.join('\n')), 1, 'MR6031', 'kept.jsonl')
  } finally {
    rmSync(own, { recursive: true, force: true, maxRetries: 5 })
  }
})

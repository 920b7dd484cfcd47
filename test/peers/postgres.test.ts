import { afterAll, describe, expect, test } from 'vitest'
import pg from 'pg'
import { openPostgres } from '../../src/adapters/metadata/postgres/open.ts'
import { ulid } from '../../src/internal/ids.ts'
import { runContract } from '../../src/testing/contract.ts'
import { metadataStoreContract } from '../../src/testing/metadata-store-contract.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

const database = `millrace_${ulid().toLowerCase()}`

async function admin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(statement)
  await client.end()
}

function addressOf(name: string): string {
  const url = new URL(server ?? '')
  url.pathname = `/${name}`
  return url.href
}

let made: Promise<void> | undefined
async function url(): Promise<string> {
  made ??= admin(`create database ${database}`)
  await made
  return addressOf(database)
}

afterAll(async () => {
  if (made !== undefined) await admin(`drop database if exists ${database} with (force)`)
})

describe.skipIf(server === undefined)('the metadata store contract on PostgreSQL', () => {
  runContract(
    test,
    metadataStoreContract(async () => openPostgres(await url())),
  )

  test('several processes may open a fresh database at once: one migrates', async () => {
    const name = `${database}_race`
    await admin(`create database ${name}`)
    const stores = await Promise.all([1, 2, 3].map(() => openPostgres(addressOf(name))))
    for (const store of stores) await store.close()
    await admin(`drop database ${name}`)
  })

  test('a letter that turned into another in a stored text is found, and its document is never taken for whole', async () => {
    const name = `${database}_damage`
    await admin(`create database ${name}`)
    const store = await openPostgres(addressOf(name), () => undefined)
    for (const id of ['one', 'two']) await store.putDocument('thing', id, { said: `word-${id}` }, 1)
    expect(await store.damage()).toEqual([])
    const client = new pg.Client({ connectionString: addressOf(name) })
    await client.connect()
    await client.query("update documents set value = replace(value, 'word-two', 'lord-two')")
    await client.end()
    expect(await store.damage()).toEqual([expect.stringContaining('the value of thing two in documents')])
    await expect(store.getDocument('thing', 'two')).rejects.toMatchObject({ code: 'MR3028' })
    expect((await store.listDocuments('thing')).map(one => one.id)).toEqual(['one'])
    await store.close()
    await admin(`drop database ${name}`)
  })

  test('an unreachable server is named without its password', async () => {
    await expect(openPostgres('postgres://me:secret@127.0.0.1:1/none')).rejects.toMatchObject({
      code: 'MR3015',
      details: { path: 'postgres://127.0.0.1:1/none' },
    })
  })
})

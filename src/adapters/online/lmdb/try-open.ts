/**
 * `node try-open.js <folder>`: opens the store, reads every record and writes one. A damaged memory-mapped file ends the
 * process that touches it (SIGSEGV, SIGBUS) without a word, so this one goes ahead. Exit code 3, and the reason on stdout:
 * it is damaged; any other failure is left to whoever opens the store next.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { checked } from './record.ts'
import { damagedExit, dataFile, settings } from './settings.ts'

/** LMDB's own codes, from MDB_CURSOR_FULL to MDB_KEYEXIST; those of the operating system are positive. */
const isDamage = (error: unknown): boolean => {
  const { code, message } = error as { code?: unknown; message?: string }
  return (typeof code === 'number' && code < 0) || /MDB_/.test(String(message))
}

function damaged(reason: string): never {
  process.stdout.write(reason)
  process.exit(damagedExit)
}

/** No view is called so: what a killed try leaves is no record. */
const tried = ' try'

const [folder = ''] = process.argv.slice(2)
try {
  // More records than bytes: a tree that leads in a circle
  let left = statSync(join(folder, dataFile)).size
  const root = open<Buffer, string>({ path: folder, ...settings })
  for (const view of root.getKeys()) {
    if (view === tried) continue
    const database = root.openDB<Buffer, string>({ name: view, encoding: 'binary' })
    for (const { key, value } of database.getRange({ snapshot: false })) {
      if (--left < 0) damaged('its pages lead in a circle')
      if (checked(value) === undefined) damaged(`the record ${view}/${String(key)} does not match its checksum`)
    }
  }
  // Writing walks through the list of free pages, which reading never touches
  const scratch = root.openDB<Buffer, string>({ name: tried, encoding: 'binary' })
  root.transactionSync(() => scratch.putSync('x', Buffer.alloc(1)))
  root.transactionSync(() => scratch.dropSync())
  await root.close()
} catch (error) {
  if (isDamage(error)) damaged((error as Error).message)
  throw error
}
process.exit(0)

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ridesProject } from '../support/rides.ts'
import { layProject } from '../support/state-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-full-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0
if (!canMount) console.warn('SKIPPED: a full disk during ingest; tmpfs cannot be mounted here')

/** Runs a program with a disk of that size at `folder`, which is gone with it. */
function onSmallDisk(
  size: string,
  ...argv: readonly string[]
): { readonly status: number | null; readonly said: string } {
  const shell = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
  const made = spawnSync('unshare', ['-m', 'sh', '-c', shell, 'sh', size, folder, ...argv], { encoding: 'utf8' })
  return { status: made.status, said: made.stdout + made.stderr }
}

const script = `
const { readdirSync } = await import('node:fs')
const [folder] = process.argv.slice(1)
const { openDuckdb } = await import('file://' + process.cwd() + '/dist/adapters/data/duckdb/engine.js')
const engine = await openDuckdb({ memory: 60e6, scratch: folder + '/scratch' })
const told = error => ({ code: error.code, message: error.message })
const rows = 'SELECT range AS x, hash(range)::VARCHAR AS y FROM range(3000000)'
const small = folder + '/small.parquet'
await engine.writeParquet('SELECT 1 AS one', small)
const streamed = async () => {
  for await (const batch of engine.stream('SELECT * FROM (' + rows + ') ORDER BY y')) batch.size
}
console.log(JSON.stringify({
  sorted: await engine.columns('SELECT * FROM (' + rows + ') ORDER BY y LIMIT 2000000').catch(told),
  streamed: await streamed().catch(told),
  written: await engine.writeParquet(rows, folder + '/large.parquet').catch(told),
  overwritten: await engine.writeParquet(rows, small).catch(told),
  after: await engine.rows("SELECT one FROM read_parquet('" + small + "')"),
  left: readdirSync(folder).sort(),
}))
await engine.close()
`

// Dozens of child processes: on a busy machine they take their time
describe.skipIf(!canMount)('a disk that is full while data comes in', { timeout: 400_000 }, () => {
  test('is named when the engine spills and when it writes; half-written files are gone, the engine goes on', () => {
    const { said } = onSmallDisk('6m', process.execPath, '--input-type=module', '-e', script, folder)
    expect(JSON.parse(said)).toEqual({
      sorted: { code: 'MR2005', message: expect.stringContaining('the scratch folder') },
      streamed: { code: 'MR2005', message: expect.stringContaining('the scratch folder') },
      written: { code: 'MR2005', message: expect.stringContaining(folder) },
      overwritten: { code: 'MR2005', message: expect.stringContaining(folder) },
      after: [{ one: 1 }],
      left: ['scratch', 'small.parquet'],
    })
  })

  test('is named by its path when a version or an image is written onto it', () => {
    const { root, remove } = ridesProject(3_000)
    const bin = join(process.cwd(), 'dist/cli/bin.js')
    const verbs = [`models export fare@1 --out ${join(folder, 'edge')}`, `image build --out ${join(folder, 'image')}`]
    try {
      const trained = spawnSync(process.execPath, [bin, 'train'], { cwd: root, encoding: 'utf8' })
      expect(trained.status, trained.stderr).toBe(0)
      for (const verb of verbs) {
        const asked = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', root, process.execPath, bin, ...verb.split(' ')]
        const { status, said } = onSmallDisk('1m', 'sh', ...asked)
        expect([verb, status], said).toEqual([verb, 3])
        expect(said).toMatch(/There is no space left/)
        expect(said).toContain(folder)
      }
    } finally {
      remove()
    }
  })

  test('stops a training run with words and the place, and the run goes on when there is room', () => {
    const { root, remove } = ridesProject(150_000)
    const bin = join(process.cwd(), 'dist/cli/bin.js')
    const both = `
      cp -r "$1"/. "$2" && cd "$2"
      "$3" "$4" train 2>&1; echo "first exit $?"
      ls .millrace/runs/runs/*/* -R | grep -c parquet; echo "files left above"
      mount -o remount,size=500m "$2"
      "$3" "$4" runs resume "$("$3" "$4" runs list --json | "$3" -p 'JSON.parse(require("fs").readFileSync(0))[0].id')" 2>&1
      echo "second exit $?"`
    try {
      // Room for the source and little else
      const size = String(statSync(join(root, 'data', 'rides.csv')).size + 1_200_000)
      const { said } = onSmallDisk(size, 'sh', '-c', both, 'sh', root, folder, process.execPath, bin)
      expect(said).toContain('There is no space left to write')
      expect(said).toContain(folder)
      expect(said).toContain('first exit 3')
      expect(said).toContain('0\nfiles left above')
      expect(said).toContain('second exit 0')
      expect(said).not.toMatch(/\n\s+at .+:\d+:\d+/)
    } finally {
      remove()
    }
  })

  test('is not taken for damage of the online store when it ends the process that looks at it', () => {
    const lay = join(folder, 'lay.mjs')
    const shell = `
      cat > "${lay}"; "$1" "${lay}"; head -c 9m /dev/zero > "$2/filler" 2>/dev/null
      "$1" "${lay}" opened; rm "$2/filler"; "$1" "${lay}" opened`
    // Half of its file is missing, so that reading it ends the process that does: with no room, that says nothing
    const program = `
      import { truncateSync } from 'node:fs'
      import { openLmdb } from 'file://${process.cwd()}/dist/adapters/online/lmdb/store.js'
      const store = await openLmdb('${folder}/online', { onDamage: ({ reason }) => console.log('set aside: ' + reason) })
        .catch(error => console.log(error.code + ' ' + error.message))
      if (process.argv[2] === undefined) {
        const changes = Array.from({ length: 2000 }, (_, i) => ({ key: 'k' + i, bytes: new Uint8Array(100), after: 0 }))
        await store.writeMany('zones', changes)
        await store.flush()
        truncateSync('${folder}/online/data.mdb', 20 * 4096)
        process.kill(process.pid, 'SIGKILL')
      }
      await store?.close()`
    const { said } = onSmallDisk(
      '4m',
      'sh',
      '-c',
      `printf '%s' "$3" | { ${shell}
}`,
      'sh',
      process.execPath,
      folder,
      program,
    )
    expect(said).toMatch(/^MR2005 There is no space left .*online.*\nset aside: reading it ends in SIG\w+/m)
  })

  test('that takes no output of a command makes it fail with words', () => {
    const shell = `
      head -c 1m /dev/zero > "$1/zeros" 2>/dev/null
      for words in --help --version 'explain-error MR1101' 'explain-error --json'; do
        "$2" "$3" $words > "$1/said"; echo "$words exit $?"
      done`
    const { said } = onSmallDisk(
      '64k',
      'sh',
      '-c',
      shell,
      'sh',
      folder,
      process.execPath,
      join(process.cwd(), 'dist/cli/bin.js'),
    )
    expect(said.match(/exit 3/g)).toHaveLength(4)
    expect(said.match(/stdout cannot be written: there is no space left/g)).toHaveLength(4)
    expect(said).not.toContain('bug')
  })

  test('makes every command that writes exit 3 and every route answer 507, by the path, and nothing is lost', () => {
    const origin = mkdtempSync(join(tmpdir(), 'millrace-full-project-'))
    try {
      layProject(origin, 600)
      const shell = 'cp -r "$1"/. "$2" && exec "$3" "$4" "$5" "$2"'
      const program = join(import.meta.dirname, '../support/full-disk.mjs')
      const { said } = onSmallDisk(
        '24m',
        'sh',
        '-c',
        shell,
        'sh',
        origin,
        folder,
        process.execPath,
        program,
        join(process.cwd(), 'dist/cli/bin.js'),
      )
      const told = JSON.parse(said.slice(said.indexOf('{"full"'))) as {
        readonly full: readonly { words: string; code: number; said: string }[]
        readonly answers: readonly { path: string; status: number; said: string }[]
        readonly acknowledged: readonly string[]
        readonly alive: number
        readonly freed: readonly { words: string; code: number; said: string }[]
        readonly after: readonly number[]
        readonly percent: { readonly status: number; readonly said: string }
        readonly kept: readonly { key: string; value: string }[]
        readonly end: number
      }
      // A small change may still find room within the database's own files
      const refused = told.full.filter(({ code }) => code !== 0)
      expect(refused.map(({ words }) => words)).toEqual(
        expect.arrayContaining(['train', 'keys rotate k1', 'keys create k2']),
      )
      for (const { words, code, said } of refused) {
        expect([words, code], said).toEqual([words, 3])
        expect(said).toMatch(/There is no space left|MR6030/)
        expect(said).toContain(`${folder}/.millrace`)
        expect(said).not.toContain('a bug in Millrace')
      }
      expect(told.answers).toHaveLength(6)
      for (const { path, status, said } of told.answers) {
        expect([path, status], said).toEqual([path, 507])
        expect(said).toContain('.millrace')
      }
      expect(told.alive).toBe(200)
      expect(told.freed.filter(({ code }) => code !== 0)).toEqual([])
      expect(told.after.filter(status => status !== 200)).toEqual([])
      expect(told.percent).toMatchObject({ status: 200, said: 'small' })
      expect(told.kept).toContainEqual({ key: 'before', value: 'kept' })
      expect(told.kept.map(({ key }) => key)).toEqual(expect.arrayContaining([...told.acknowledged]))
      expect(told.end).toBe(0)
    } finally {
      rmSync(origin, { recursive: true, force: true, maxRetries: 5 })
    }
  })
})

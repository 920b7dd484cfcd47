import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownIdentity } from '../../src/internal/process-identity.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import { millrace, startUp, type Said } from '../support/command.ts'
import { refused } from '../support/refused.ts'
import { projectWithState } from '../support/state-project.ts'

/** What may befall a file. A flip leaves its length. */
const damages = {
  gone: path => unlinkSync(path),
  empty: path => truncateSync(path, 0),
  'cut to 100 bytes': path => truncateSync(path, Math.min(100, statSync(path).size)),
  'cut in half': path => truncateSync(path, Math.floor(statSync(path).size / 2)),
  'random bytes': path => {
    const random = seeded(7)
    writeFileSync(
      path,
      Uint8Array.from({ length: statSync(path).size }, () => random.below(256)),
    )
  },
  'flipped bits': path => {
    const bytes = readFileSync(path)
    for (const share of [0.2, 0.5, 0.8])
      bytes[Math.floor(bytes.length * share)] = (bytes[Math.floor(bytes.length * share)] ?? 0) ^ 4
    writeFileSync(path, bytes)
  },
  'a folder': path => {
    rmSync(path)
    mkdirSync(path)
  },
} satisfies Record<string, (path: string) => void>
type Damage = keyof typeof damages

let project: Awaited<ReturnType<typeof projectWithState>>
beforeAll(async () => {
  process.env['MILLRACE_KEY_PASSPHRASE'] = 'a passphrase'
  project = await projectWithState()
}, 400_000)
afterAll(() => rmSync(project.base, { recursive: true, force: true, maxRetries: 5 }))

/** Damages every file of that folder of a fresh copy (or the one file), and gives the project's folder. */
function damaged(place: string, how: Damage): string {
  const root = project.copy()
  const path = join(root, '.millrace', place)
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true })
        .map(name => join(path, String(name)))
        .filter(name => statSync(name).isFile())
    : [path]
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) {
    chmodSync(file, 0o600)
    damages[how](file)
  }
  return root
}

const well = ({ code, said }: Said): string => {
  expect(code, said).toBe(0)
  return said
}

describe('a damaged online store is named, set aside and made anew by the command that met it', () => {
  test.each<[Damage, string]>([
    ['empty', 'features verify'],
    ['cut to 100 bytes', 'features materialise'],
    ['cut in half', 'features verify'],
    ['random bytes', 'features verify'],
    ['flipped bits', 'features verify'],
    ['a folder', 'features verify'],
    ['gone', 'features verify'],
  ])('%s, %s', async (how, verb) => {
    const root = damaged('online/data.mdb', how)
    // Without it, as after a kill, only opening the store shows that it is damaged
    if (how !== 'flipped bits' && how !== 'gone') unlinkSync(join(root, '.millrace', 'online', 'closed.json'))
    const said = well(await millrace(root, verb.split(' ')))
    expect(said).toContain(join(root, '.millrace', 'online', 'data.mdb'))
    expect(readdirSync(join(root, '.millrace', 'set-aside'))).toHaveLength(1)
    if (how === 'random bytes' || verb === 'features verify') return
    const again = well(await millrace(root, ['features', 'verify']))
    expect(again).toMatch(/✓ zones: .* 0 differ/)
    expect(again).not.toContain('damaged')
  })

  test('by the server, too, which says so in its log', async () => {
    const root = damaged('online/data.mdb', 'cut in half')
    const server = await startUp(root)
    expect(await server.end()).toBe(0)
    expect(server.said()).toContain('set-aside')
    expect(well(await millrace(root, ['features', 'verify']))).toMatch(/ 0 differ/)
  })
})

describe('a damaged metadata store is named and left as it is', () => {
  test.each<[Damage, string, string]>([
    ['gone', 'MR3009', 'up'],
    ['empty', 'MR3009', 'models list'],
    ['cut to 100 bytes', 'MR3010', 'models list'],
    ['random bytes', 'MR3010', 'up'],
    ['a folder', 'MR3018', 'up'],
  ])('%s: %s, by %s and doctor', async (how, code, verb) => {
    const root = damaged('millrace.db', how)
    const path = join(root, '.millrace', 'millrace.db')
    const before = how === 'gone' || how === 'a folder' ? undefined : readFileSync(path)
    refused(await millrace(root, verb.split(' ')), 3, code, '.millrace/millrace.db')
    if (before) expect(readFileSync(path).equals(before)).toBe(true)
    else expect(existsSync(path)).toBe(how === 'a folder')
    if (how === 'random bytes' || how === 'cut to 100 bytes') return
    const looked = await millrace(root, ['doctor'])
    expect(looked.code).toBe(3)
    expect(looked.said).toMatch(/✗ +database/)
  })
})

describe('damaged artifacts', () => {
  test.each<Damage>(['flipped bits', 'a folder', 'gone'])('%s: train makes them again in the same run', async how => {
    const root = damaged('artifacts/cas/sha256', how)
    well(await millrace(root, ['train']))
    expect(JSON.parse((await millrace(root, ['models', 'list', '--json'])).out)).toMatchObject([
      { version: 2 },
      { version: 1 },
    ])
    if (how === 'flipped bits') expect(well(await millrace(root, ['train']))).toMatch(/train-fare +reused/)
  })

  test('what a step makes at each run is mended by it, whoever reads it only after the run', async () => {
    const root = project.copy()
    const folder = join(root, '.millrace', 'artifacts', 'cas', 'sha256')
    const figures = (): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map(name => join(folder, name))
        .filter(path => statSync(path).isFile() && readFileSync(path).subarray(0, 30).includes('"model figures"'))
    const first = figures()
    expect(first).toHaveLength(1)
    // Beside a champion they are others than without one, and then the same at each run
    well(await millrace(root, ['train']))
    const [path = ''] = figures().filter(one => !first.includes(one))
    const before = readFileSync(path)
    chmodSync(path, 0o600)
    writeFileSync(path, before.with(10, 0x58))
    well(await millrace(root, ['train']))
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(join(root, '.millrace', 'artifacts', 'quarantine'))).toHaveLength(1)
  })

  test('data snapshot makes a snapshot again that is damaged, in the same run', async () => {
    const root = damaged('artifacts/cas/sha256', 'flipped bits')
    const said = well(await millrace(root, ['data', 'snapshot']))
    expect(said).toMatch(/snapshot [0-9a-f]{12}, 1,500 rows/)
    expect(readdirSync(join(root, '.millrace', 'artifacts', 'quarantine')).length).toBeGreaterThan(0)
  })

  test('are found by doctor --deep, each by its digest, and not by a look at the rest', async () => {
    const root = damaged('artifacts/cas/sha256', 'flipped bits')
    well(await millrace(root, ['doctor']))
    const deep = await millrace(root, ['doctor', '--deep'])
    expect(deep.code).toBe(3)
    expect(deep.said).toMatch(/✗ +artifacts +(\d+) of \1 do not match/)
    expect(readdirSync(join(root, '.millrace', 'artifacts', 'quarantine')).length).toBeGreaterThan(3)
  })
})

describe('a snapshot that is damaged and cannot be made again', () => {
  /** The project without its source and its online records, and with every file that says what the snapshot said. */
  function lost(): string {
    const root = damaged('artifacts/cas/sha256', 'flipped bits')
    const origin = join(project.base, 'origin', '.millrace', 'artifacts', 'cas', 'sha256')
    // Everything but the snapshots (Parquet) is as it was
    for (const name of readdirSync(origin, { recursive: true, encoding: 'utf8' })) {
      const from = join(origin, name)
      if (statSync(from).isFile() && readFileSync(from).subarray(0, 4).toString() !== 'PAR1')
        writeFileSync(join(root, '.millrace', 'artifacts', 'cas', 'sha256', name), readFileSync(from))
    }
    rmSync(join(root, '.millrace', 'online'), { recursive: true })
    rmSync(join(root, 'data', 'rides.csv'))
    return root
  }

  test('is named and set aside; the server goes on, and deploying what needs it is refused', async () => {
    const root = lost()
    const server = await startUp(root)
    const answer = await fetch(`${server.url}/v1/deployments/fares/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: [{ km: 3, zone: 'a' }] }),
    })
    expect(answer.status).toBe(200)
    expect(await server.end()).toBe(0)
    expect(server.said()).toMatch(/The online records of zones are empty.*MR3002/)
    expect(readdirSync(join(root, '.millrace', 'artifacts', 'quarantine')).length).toBeGreaterThan(0)
    // It was set aside, so from now on it is missing
    refused(await millrace(root, ['deploy']), 3, 'MR3003')
  })
})

describe('attempts of a process that was killed', () => {
  test('are swept by the next command, those of a living process are not', async () => {
    const root = project.copy()
    const runs = join(root, '.millrace', 'runs', 'runs')
    const own = JSON.parse(JSON.stringify(ownIdentity())) as ReturnType<typeof ownIdentity>
    const attempt = (name: string, owner: string | undefined): string => {
      const folder = join(runs, name, 'train-fare', '1')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'frame.parquet'), 'x')
      if (owner !== undefined) writeFileSync(join(folder, 'owner.json'), owner)
      return folder
    }
    const dead = attempt('dead', JSON.stringify({ ...own, pid: 2 ** 22 - 3 }))
    const alive = attempt('alive', JSON.stringify(own))
    const torn = attempt('torn', '{"pid"')
    const apart = attempt('apart', undefined)
    well(await millrace(root, ['runs', 'list']))
    expect([dead, alive, torn, apart].map(existsSync)).toEqual([false, true, true, true])
    expect(existsSync(join(runs, 'dead'))).toBe(false)
    const old = new Date(Date.now() - 2 * 86_400_000)
    utimesSync(join(torn, 'owner.json'), old, old)
    well(await millrace(root, ['runs', 'list']))
    expect([alive, torn, apart].map(existsSync)).toEqual([true, false, true])
  })
})

describe('a damaged keystore', () => {
  test('is no reason to call the audit log whole', async () => {
    for (const [how, word] of [
      ['a folder', 'it cannot be read'],
      ['random bytes', 'it cannot be read'],
      ['gone', 'it is gone'],
    ] as const) {
      const found = await millrace(damaged('keys/keystore.json', how), ['audit', 'verify'])
      expect(found.said).toMatch(new RegExp(`MR6031 .*keystore.*${word}`))
      expect(found.code).toBe(1)
    }
    const gone = damaged('keys/keystore.json', 'gone')
    for (const verb of ['keys list', 'keys rotate k1']) refused(await millrace(gone, verb.split(' ')), 3, 'MR6018')
    expect(existsSync(join(gone, '.millrace', 'keys', 'keystore.json'))).toBe(false)
  })

  test.each<Damage>(['empty', 'random bytes'])('%s is refused and not overwritten', async how => {
    const root = damaged('keys/keystore.json', how)
    const path = join(root, '.millrace', 'keys', 'keystore.json')
    const before = readFileSync(path)
    for (const verb of how === 'empty' ? ['keys create k2'] : ['keys list'])
      refused(await millrace(root, verb.split(' ')), 3, 'MR6011', 'keystore.json')
    expect(readFileSync(path).equals(before)).toBe(true)
    expect((await millrace(root, ['doctor'])).said).toMatch(/✗ +keystore/)
  })
})

describe('locks', () => {
  test.each([
    ['empty', ''],
    ['torn', '{"host":'],
    ['of a holder on another host', '{"host":"gone","bootId":"b","pid":1,"startTime":"1"}'],
  ])('%s hold nobody up', async (_how, content) => {
    const root = project.copy()
    for (const lock of ['keys/keystore.json.lock', 'audit/log.lock', 'server.lock', 'online/open.lock'])
      writeFileSync(join(root, '.millrace', lock), content)
    writeFileSync(join(root, '.millrace', 'server.json'), `{"url":"http://127.0.0.1:1","process":${content || '0'}}`)
    well(await millrace(root, ['rollout', 'status']))
    well(await millrace(root, ['keys', 'rotate', 'k1']))
    const server = await startUp(root)
    expect(await server.end()).toBe(0)
  })

  test('that are folders are named', async () => {
    const root = damaged('keys/keystore.json.lock', 'a folder')
    refused(await millrace(root, ['keys', 'list']), 3, 'keystore.json.lock', 'it is a folder')
  })
})

describe('what is kept to be quick', () => {
  const verdict = ({ out }: Said): unknown => {
    const [one] = JSON.parse(out) as { checks: { id: string; status: string; observed?: unknown }[] }[]
    return one?.checks.map(({ id, status, observed }) => [id, status, observed])
  }
  let whole: unknown
  beforeAll(async () => {
    whole = verdict(await millrace(project.copy(), ['validate', '--json']))
  })
  test.each<Damage>(['cut in half', 'flipped bits', 'a folder'])(
    'measures and compiled modules, %s: every verdict is as before, and they are made anew',
    async how => {
      const root = damaged('validation', how)
      const modules = join(root, '.millrace', 'modules')
      for (const name of readdirSync(modules)) damages[how](join(modules, name))
      const said = await millrace(root, ['validate', '--json'])
      expect(said.code, said.said).toBe(0)
      expect(verdict(said)).toEqual(whole)
      expect(verdict(await millrace(root, ['validate', '--json']))).toEqual(whole)
    },
  )
})

describe('a damaged serving journal', () => {
  test.each<Damage>(['flipped bits', 'cut in half', 'a folder'])('%s ends no server', async how => {
    const root = damaged('serving', how)
    const server = await startUp(root)
    expect(await server.end()).toBe(0)
    const folder = join(root, '.millrace', 'serving', 'fares')
    const kept = readdirSync(folder).filter(name => name.includes('.damaged-'))
    // A cut is what a crash leaves: only what was acknowledged counts as damage
    if (how !== 'cut in half') {
      expect(server.said()).toContain('000000001.jsonl')
      expect(kept).toHaveLength(1)
    }
    well(await millrace(root, ['doctor']))
  })
})

import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

/** Taxi rides with some missing distances; the fare follows distance and zone. */
function rides(count: number): string {
  const lines = ['at,km,zone,paid']
  for (let i = 0; i < count; i++) {
    const km = (i * 7919) % 200 === 0 ? '' : ((i * 7919) % 311) / 10
    const zone = 'abcd'[(i * 31) % 4] as string
    const at = new Date(Date.UTC(2026, 0, 1) + (i * 2_160_000_000) / count)
      .toISOString()
      .replace('T', ' ')
      .replace('Z', '')
    lines.push(`${at},${km},${zone},${(Number(km) * 1.7 + zone.charCodeAt(0) / 50 + ((i * 13) % 7) / 10).toFixed(2)}`)
  }
  return `${lines.join('\n')}\n`
}

const config = `import { csv, dataset, deployment, gbt, model, monitor, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float({ nullable: true }), zone: t.text(), paid: t.float() },
  eventTime: 'at',
})
const fare = model('fare', {
  task: 'regression', from: rides, label: c => c.paid, inputs: c => ({ km: c.km, zone: c.zone, hour: c.at.hour() }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 12, depth: 4 }),
})
const api = deployment('fares', { model: fare })
export default project('rides', { rides, fare, api, watch: monitor('watch', { deployment: api }) }, JSON.parse(process.env.MILLRACE_TEST_SETTINGS ?? '{}'))
`

export interface Said {
  readonly code: number
  readonly out: string
  /** Both outputs. */
  readonly said: string
}

const bin = resolve('dist/cli/bin.js')

/** The command line in a folder, as a user has it. `settings` are the project's, for projects of `ridesProject`. */
export function millrace(cwd: string, args: readonly string[], settings: unknown = {}): Promise<Said> {
  return new Promise(done =>
    execFile(
      process.execPath,
      [bin, ...args],
      { cwd, env: { ...process.env, MILLRACE_TEST_SETTINGS: JSON.stringify(settings) }, maxBuffer: 1e8 },
      (error, out, err) => done({ code: error === null ? 0 : Number(error.code ?? 99), out, said: `${out}${err}` }),
    ),
  )
}

/** A small project in a folder of its own, which `remove` takes away. */
export function ridesProject(rows = 6000): { readonly root: string; readonly remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'millrace-rides-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', 'rides.csv'), rides(rows))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

export interface Server {
  readonly url: string
  readonly stop: () => Promise<number | null>
}

/** `millrace up` on a free port, in a process of its own. */
export async function startUp(root: string, ...flags: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, [bin, 'up', '--port', '0', ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', text => (said += String(text)))
  const ended = new Promise<number | null>(done => child.once('close', code => done(code)))
  const url = await new Promise<string>((found, lost) => {
    createInterface({ input: child.stdout }).on('line', line => {
      const at = /up at (\S+)/.exec(line)?.[1]
      if (at) found(at)
    })
    void ended.then(code => lost(new Error(`millrace up ended with ${code}: ${said}`)))
  })
  return {
    url,
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}

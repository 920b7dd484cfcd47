import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fail } from '../../errors/index.ts'
import { nameForm } from '../../internal/ids.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { Command } from '../command.ts'

/** Sixty days of deliveries, made up and labelled so: heavy and far ones are late more often. */
function sample(): string {
  const random = seeded(2026)
  const lines = ['ordered,shop,distance_km,weight_kg,late']
  for (let i = 0; i < 8_000; i++) {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 648_000)
    const shop = ['north', 'south', 'harbour'][random.below(3)] as string
    const distance = Math.round(random.next() * 400) / 10
    const weight = Math.round((0.2 + random.next() * 20) * 10) / 10
    const busy = at.getUTCHours() >= 16 && at.getUTCHours() < 20 ? 1 : 0
    const late = random.next() < 1 / (1 + Math.exp(4.5 - 0.09 * distance - 0.07 * weight - 1.4 * busy))
    lines.push(`${at.toISOString().replace('T', ' ').slice(0, 19)},${shop},${distance},${weight},${late}`)
  }
  return `${lines.join('\n')}\n`
}

/** The project file to start from, under the new project's name. */
async function config(name: string): Promise<string> {
  const text = await readFile(new URL('../../../examples/start/millrace.config.ts', import.meta.url), 'utf8')
  return text.replace("project('start'", `project('${name}'`)
}

/** Enough for an editor, and `npx tsc`, to show every place that a renamed column was used. */
const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  },
  include: ['millrace.config.ts'],
}

/** What is made, not declared: the project's state, and the reports that CI files write. */
const ignored = ['.millrace/', 'millrace-report/']

export const command: Command = {
  summary: 'write a project file to start from',
  details:
    'Writes millrace.config.ts, a sample in data/, a tsconfig.json and lines of .gitignore. Nothing that exists is overwritten.',
  async run({ cwd, out }) {
    const file = join(cwd, 'millrace.config.ts')
    if (existsSync(file)) throw fail('initRefused', { file: 'millrace.config.ts', folder: cwd })
    const wanted = basename(cwd)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
    const name = nameForm.test(wanted) ? wanted : 'project'
    const written = ['millrace.config.ts']
    await mkdir(join(cwd, 'data'), { recursive: true })
    if (!existsSync(join(cwd, 'data/deliveries.csv'))) {
      await writeFile(join(cwd, 'data/deliveries.csv'), sample())
      written.push('data/deliveries.csv')
    }
    const ignore = await readFile(join(cwd, '.gitignore'), 'utf8').catch(() => '')
    const missing = ignored.filter(line => !ignore.split('\n').includes(line))
    if (missing.length > 0) {
      const start = ignore === '' || ignore.endsWith('\n') ? ignore : `${ignore}\n`
      await writeFile(join(cwd, '.gitignore'), `${start}${missing.join('\n')}\n`)
      written.push('.gitignore')
    }
    if (!existsSync(join(cwd, 'tsconfig.json'))) {
      await writeFile(join(cwd, 'tsconfig.json'), `${JSON.stringify(tsconfig, null, 2)}\n`)
      written.push('tsconfig.json')
    }
    // Last: a half-written project has no project file
    await writeFile(file, await config(name), { flag: 'wx' })
    out.data({ project: name, written })
    for (const path of written) out.line(`wrote ${path}`)
    out.line()
    out.line('Next:  npx millrace validate   check the data')
    out.line('       npx millrace train      validate, train, test, export, register')
    out.line('       npx millrace deploy     make the version stable')
    out.line('       npx millrace up         serve it, with the dashboard')
    out.line('Types: npm install --save-dev typescript && npx tsc   shows every place that a renamed column was used')
  },
}

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { dataset, parquet, project, t } from '../../src/index.ts'
import { buildImage, type BuildOptions, type BuiltImage } from '../../src/stages/image/index.ts'

/** Compressing the packages takes a while: their layer is kept between runs. */
const cache = resolve('.cache/image-layers')

export interface ImageProject {
  readonly root: string
  readonly build: (over?: Partial<BuildOptions>) => Promise<BuiltImage>
}

/** A small project in a temporary folder, with a step that `node` can run in a process of its own. */
export function imageProject(): ImageProject {
  const root = mkdtempSync(join(tmpdir(), 'millrace-image-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', 'rows.parquet'), 'not for the image')
  writeFileSync(join(root, '.env'), 'SECRET=hush')
  writeFileSync(
    join(root, 'millrace.config.ts'),
    "import { project } from 'millrace'\nexport default project('flights', {})\n",
  )
  writeFileSync(
    join(root, 'steps.mjs'),
    `export async function square(context) {
  const numbers = await context.inputs.numbers.json()
  const squares = numbers.map(one => one * one * context.parameters.factor)
  return { outputs: { squares: await context.save('json', JSON.stringify(squares)) } }
}
`,
  )
  const rows = dataset('rows', { source: parquet('data/*.parquet'), columns: { a: t.int() } })
  const build = (over: Partial<BuildOptions> = {}): Promise<BuiltImage> =>
    buildImage({
      project: project('flights', { rows }),
      root,
      out: join(root, '.millrace', 'image', 'oci'),
      cache,
      created: new Date('2001-06-30T00:00:00Z'),
      ...over,
    })
  return { root, build }
}

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { millrace } from '../support/command.ts'
import { expectations, frames, schema, types } from './support/expectation-cases.ts'

const python = resolve('test/interop/.venv-expectations/bin/python')
const present = existsSync(python)
if (!present) console.warn('SKIPPED: Great Expectations and Pandera; run scripts/interop-venv.sh expectations first')

interface Judged {
  readonly expectations: readonly {
    readonly success?: boolean
    readonly bad?: number | null
    readonly refused?: string
  }[]
  readonly schema: readonly { readonly column: string | null; readonly check: string; readonly bad: number | null }[]
}
interface Rule {
  readonly source: string
  readonly columns: readonly string[]
  readonly given: unknown
  readonly outcome: string
  readonly code: readonly string[]
  readonly why?: string
}
interface Check {
  readonly kind: string
  readonly status: string
  readonly bad: number
}

/** A rule with what its expectations said of one frame. */
interface Said extends Rule {
  readonly checks: readonly Check[]
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-judged-')))
let judged: Readonly<Record<string, Judged>>

function project(name: string, body: string): string {
  const at = join(folder, name)
  mkdirSync(join(at, 'node_modules'), { recursive: true })
  if (!existsSync(join(at, 'node_modules/millrace'))) symlinkSync(resolve('.'), join(at, 'node_modules/millrace'))
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'judged', private: true, type: 'module' }))
  writeFileSync(join(at, 'millrace.config.ts'), body)
  return at
}

/** What Millrace makes of the rules, and says of a frame by them. */
async function ours(tool: string, file: string, frame: string): Promise<readonly Said[]> {
  const columns = Object.entries(types).map(([name, type]) => `${name}: t.nullable(t.${type})`)
  const at = project(
    `${tool}-${frame}`,
    `import { dataset, parquet, project, t } from 'millrace'
export default project('judged', { frame: dataset('frame', { source: parquet('frame.parquet'), columns: { ${columns.join(', ')} } }) })\n`,
  )
  writeFileSync(join(at, 'frame.parquet'), readFileSync(join(folder, `${frame}.parquet`)))
  const { out, said } = await millrace(at, [
    'import',
    tool,
    join(folder, file),
    '--dataset',
    'frame',
    '--out',
    'rules.ts',
    '--json',
  ])
  if (!out.startsWith('{')) throw new Error(said)
  const [dataset] = (JSON.parse(out) as { datasets: readonly [{ readonly rules: readonly Rule[] }] }).datasets
  project(
    `${tool}-${frame}`,
    "import { project } from 'millrace'\nimport { frame } from './rules.ts'\nexport default project('judged', { frame })\n",
  )
  const validated = await millrace(at, ['validate', 'frame', '--json'])
  if (!validated.out.startsWith('[')) throw new Error(validated.said)
  const [report] = JSON.parse(validated.out) as readonly [{ readonly checks: readonly Check[] }]
  // the declared expectations stand last, in the order of the module
  let next = report.checks.length - dataset.rules.reduce((sum, rule) => sum + rule.code.length, 0)
  return dataset.rules.map(rule => ({ ...rule, checks: report.checks.slice(next, (next += rule.code.length)) }))
}

const holds = (rule: Said): boolean => rule.checks.every(check => check.status === 'pass')
const byRow = new Set([
  'notNull',
  'isNull',
  'inSet',
  'notInSet',
  'between',
  'matches',
  'notMatches',
  'matchesAny',
  'matchesAll',
  'length',
  'unique',
  'compare',
  'expression',
  'sumEquals',
  'format',
  'noOutliers',
])

describe.skipIf(!present)('rules brought over say what their own tool says', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'cases.json'), JSON.stringify({ frames, expectations, schema }))
    writeFileSync(join(folder, 'suite.json'), JSON.stringify({ name: 'suite', expectations }))
    writeFileSync(join(folder, 'schema.yaml'), schema)
    execFileSync(python, ['test/interop/judge_expectations.py', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
    judged = JSON.parse(readFileSync(join(folder, 'judged.json'), 'utf8')) as typeof judged
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  test.each(Object.keys(frames))('Great Expectations, %s', async frame => {
    const rules = await ours('great-expectations', 'suite.json', frame)
    const theirs = (judged[frame] as Judged).expectations
    expect(rules).toHaveLength(expectations.length)
    const other: string[] = []
    let compared = 0
    for (const [i, rule] of rules.entries()) {
      const { success, bad, refused } = theirs[i] as Judged['expectations'][number]
      if (rule.outcome !== 'carried' || refused !== undefined || rule.checks.length === 0) continue
      compared++
      const [check] = rule.checks as readonly [Check]
      const counted = byRow.has(check.kind) && typeof bad === 'number' && bad !== check.bad
      if (holds(rule) !== success || counted)
        other.push(
          `${rule.source} ${JSON.stringify(expectations[i])}: theirs ${success} ${bad}, ours ${check.status} ${check.bad}`,
        )
    }
    expect(other).toEqual([])
    expect(compared).toBeGreaterThan(50)
  })

  test.each(Object.keys(frames))('Pandera, %s', async frame => {
    const rules = await ours('pandera', 'schema.yaml', frame)
    const theirs = (judged[frame] as Judged).schema
    const names: Readonly<Record<string, string>> = { nullable: 'not_nullable', unique: 'field_uniqueness' }
    const other: string[] = []
    let compared = 0
    for (const rule of rules) {
      if (rule.outcome !== 'carried' || rule.checks.length === 0) continue
      const { column } = rule.given as { readonly column?: string }
      const told = column === undefined ? 'multiple_fields_uniqueness' : (names[rule.source] ?? `${rule.source}(`)
      const found = theirs.filter(one => one.check.startsWith(told) && (column === undefined || one.column === column))
      const [check] = rule.checks as readonly [Check]
      compared++
      const bad = found[0]?.bad ?? undefined
      const counted = byRow.has(check.kind) && bad !== undefined && bad !== check.bad
      if (holds(rule) !== (found.length === 0) || counted)
        other.push(`${column}.${rule.source}: theirs ${JSON.stringify(found)}, ours ${check.status} ${check.bad}`)
    }
    expect(other).toEqual([])
    expect(compared).toBeGreaterThan(20)
  })
})

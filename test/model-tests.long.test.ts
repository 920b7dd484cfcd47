import { expect, it } from 'vitest'
import { outcomeOf } from '../src/define/report.ts'
import { gbt } from '../src/index.ts'
import type { ModelTestBuilder } from '../src/define/model-test/index.ts'
import { judgedBy, randomTable, rightModel, trainedOn } from './support/random-models.ts'

// How often the tests of models are wrong about a good one. The first tables are those that the rules were made with; the
// last were looked at when the rules stood.

const all = (table: ReturnType<typeof randomTable>) => (m: ModelTestBuilder<string>) => [
  m.noLeak(),
  m.slices({ severity: 'critical' }),
  m.beatsSimpleModel(),
  m.overfit({ severity: 'critical' }),
  ...(table.task === 'binary' || table.task === 'multiclass'
    ? [m.calibration({ maxEce: 0.05, slope: [0.8, 1.25], severity: 'critical' as const })]
    : []),
]

it.each([
  ['known', 1],
  ['later', 10_001],
  ['unseen', 20_001],
])(
  'two hundred right models of %s tables: at most one in a hundred is refused',
  { timeout: 600_000 },
  async (_, from) => {
    const refused: string[] = []
    for (let seed = from; seed < from + 200; seed++) {
      const table = randomTable(seed)
      const checks = await judgedBy(table, rightModel(table), all(table), { seed })
      const red = checks.filter(check => ['fail', 'error'].includes(outcomeOf(check)))
      if (red.length > 0)
        refused.push(`${seed} ${table.task}: ${red.map(check => `${check.id}: ${check.message}`).join('; ')}`)
    }
    expect(refused.length, refused.join('\n')).toBeLessThanOrEqual(2)
  },
)

it('models that were trained on tables of numbers without hard parts are refused as rarely', {
  timeout: 600_000,
}, async () => {
  const refused: string[] = []
  let tried = 0
  for (let seed = 501; tried < 60; seed++) {
    const table = randomTable(seed, { hard: false, texts: false })
    if (table.task !== 'binary' && table.task !== 'regression') continue
    tried++
    const subject = await trainedOn(table, gbt({ trees: 80, depth: 4, learningRate: 0.05 }))
    const checks = await judgedBy(table, subject, m => [m.noLeak(), m.slices({ severity: 'critical' })], { seed })
    const red = checks.filter(check => ['fail', 'error'].includes(outcomeOf(check)))
    if (red.length > 0)
      refused.push(`${seed} ${table.task}: ${red.map(check => `${check.id}: ${check.message}`).join('; ')}`)
  }
  expect(refused.length, refused.join('\n')).toBeLessThanOrEqual(1)
})

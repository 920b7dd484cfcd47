import { expect, it } from 'vitest'
import { formulaOf, tableOf, type Table, type Truth } from '../../../../test/support/random-models.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { runSuite } from '../suite.ts'
import { drawFigures } from './draw.ts'
import { figuresOf, type ModelFigures } from './index.ts'
import { scoreRows } from '../subject.ts'
import { seeded } from '../../../math/random/seeded.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const inputs = [
  { name: 'x', type: 'float' },
  { name: 'none', type: 'float' },
  { name: '<b>&"place', type: 'text' },
] as const
const hostile = '<script>alert(1)</script>'
const truth: Truth = row => sigmoid(2 * (row.x as number) + (row['<b>&"place'] === hostile ? 1 : 0))
const tableFor = (task: Table['task'], of: Truth, classes: readonly string[] = []): Table =>
  tableOf(3, {
    task,
    inputs,
    truth: of,
    classes,
    noise: () => 0.1,
    train: 1_500,
    test: 1_500,
    drawRow: random => ({
      x: Math.fround(random.normal()),
      none: Math.fround(random.normal()),
      '<b>&"place': random.below(2) === 0 ? hostile : 'b',
    }),
  })

async function figures(of: Table, champion?: Float32Array): Promise<ModelFigures> {
  const { figures: made } = await runSuite({
    model: { name: 'm', task: of.task, inputs: of.inputs, tests: [] } as never,
    name: 'm',
    subject: formulaOf(of, of.truth),
    classes: of.classes,
    bytes: 1,
    frame: of.test,
    train: of.train,
    seed: 1,
    clock: manualClock(),
    figures: champion ? { champion: 'm@1' } : {},
    ...(champion ? { champion: { scores: champion } } : {}),
  })
  return JSON.parse(JSON.stringify(made)) as ModelFigures
}

it('a binary model is drawn by what plain counting says, the champion beside it', async () => {
  const table = tableFor('binary', truth)
  const made = await figures(table, new Float32Array(1_500).fill(0.5))
  expect(made).toMatchObject({ champion: 'm@1', rows: 1_500, importanceIs: 'by permutation' })
  const [curves] = made.classes
  expect(curves?.roc.map(one => one.of)).toEqual(['model', 'champion'])
  expect(curves?.roc[1]?.area).toBe(0.5)
  // the area under the drawn points is that of all of them, but for what was thinned
  const points = curves?.roc[0]?.points ?? []
  const area = points.slice(1).reduce((sum, [x, y], i) => {
    const [px = 0, py = 0] = points[i] ?? []
    return sum + ((x - px) * (y + py)) / 2
  }, 0)
  expect(area).toBeCloseTo(curves?.roc[0]?.area as number, 2)
  const bins = curves?.calibration[0]?.bins ?? []
  expect(bins.reduce((sum, bin) => sum + bin.rows, 0)).toBe(1_500)
  expect(bins.filter(bin => bin.lower <= bin.score && bin.score <= bin.upper).length).toBeGreaterThanOrEqual(8)
  expect(made.confusion?.counts.flat().reduce((a, b) => a + b, 0)).toBe(1_500)
  const positives = table.test.labels.filter(label => label === 1).length
  expect(made.confusion?.counts[1]?.reduce((a, b) => a + b, 0)).toBe(positives)
  expect(made.scores?.groups[1]?.counts.reduce((a, b) => a + b, 0)).toBe(positives)
  expect(made.importance[0]?.input).toBe('x')
  expect(made.importance.find(one => one.input === 'none')?.share).toBe(0)
  const [first] = made.dependence
  expect(first?.input).toBe('x')
  expect(first?.points.map(one => one.mean)).toEqual(first?.points.map(one => one.mean).toSorted((a, b) => a - b))
})

it('numbers by residuals and truths, classes each by its own curves', async () => {
  const numbers = await figures(tableFor('regression', row => row.x as number))
  expect(numbers.classes).toEqual([])
  expect(numbers.truths.length).toBe(400)
  expect(numbers.residuals?.groups[0]?.counts.reduce((a, b) => a + b, 0)).toBe(1_500)
  const share = (row: Parameters<Truth>[0]): number => truth(row) as number
  const classes = await figures(
    tableFor('multiclass', row => [share(row), (1 - share(row)) / 2, (1 - share(row)) / 2], ['a', 'b', 'c']),
  )
  expect(classes.classes.map(one => one.class)).toEqual(['a', 'b', 'c'])
  expect(classes.confusion?.classes).toEqual(['a', 'b', 'c'])
})

it('of more classes than a matrix shows the pairs are told that are taken for each other most often', async () => {
  const names = Array.from({ length: 30 }, (_, k) => `kind ${k}`)
  const near = (row: Parameters<Truth>[0]) => {
    const middle = Math.abs(Math.round((row.x as number) * 8)) % 30
    const weights = names.map((_, k) => Math.exp(-Math.abs(k - middle)))
    const sum = weights.reduce((a, b) => a + b, 0)
    return weights.map(one => one / sum)
  }
  const table = tableFor('multiclass', near, names)
  const made = await figures(table)
  expect(made.confusion).toBeNull()
  const x = table.test.inputs[table.inputs.findIndex(one => one.name === 'x')] as Float32Array
  const wrong: Record<string, number> = {}
  table.test.labels.forEach((truthful, row) => {
    const own = near({ x: x[row] as number }).map(Math.fround)
    const called = own.indexOf(Math.max(...own))
    if (called !== truthful)
      wrong[`${names[truthful]} → ${names[called]}`] = (wrong[`${names[truthful]} → ${names[called]}`] ?? 0) + 1
  })
  const counts = Object.values(wrong).toSorted((a, b) => b - a)
  expect(made.confused?.map(one => one.rows)).toEqual(counts.slice(0, 20))
  for (const { truth: of, called, rows, of: all } of made.confused ?? []) {
    expect(wrong[`${of} → ${called}`]).toBe(rows)
    expect(all).toBe(table.test.labels.filter(label => names[label] === of).length)
  }
  const [first] = made.confused ?? []
  const picture = drawFigures(made).find(one => one.title === 'Most confused classes')
  expect(picture?.svg).toContain(
    `${first?.rows} of the ${first?.of} test rows of ${first?.truth} were called ${first?.called}`,
  )
})

it('no picture lets data become markup, and their size does not grow with the rows', async () => {
  const made = await figures(tableFor('binary', truth))
  const pictures = drawFigures(made)
  expect(pictures.map(one => one.title)).toEqual(expect.arrayContaining(['ROC curve', 'Slices', 'Score by x']))
  for (const { svg } of pictures) {
    expect(svg).not.toMatch(/<script|<b>|onerror|NaN|undefined/)
    expect(svg.startsWith('<svg class="figure"')).toBe(true)
  }
  expect(JSON.stringify(made).length).toBeLessThan(60_000)
})

it('of thousands of inputs those are dealt out that go with the scores, and the picture says how many', async () => {
  const [inputs, rows, matters] = [1_500, 220, 1_400]
  const random = seeded(3)
  const columns = Array.from({ length: inputs }, () => Float32Array.from({ length: rows }, () => random.next()))
  const labels = (columns[matters] as Float32Array).map(value => (value > 0.5 ? 1 : 0))
  const subject = {
    inputs: columns.map((_, i) => ({ name: `n${i}`, kind: 'number' as const })),
    loaded: {
      outputs: 1,
      run: ({ rows: asked, features }: { rows: number; features: Float32Array }) =>
        Promise.resolve({
          scores: Float32Array.from({ length: asked }, (_, i) => features[i * inputs + matters] ?? 0),
        }),
    },
  } as never
  const frame = { rows, labels, inputs: columns, slices: new Map() }
  const scores = await scoreRows(subject, columns, rows)
  const judged = { task: 'binary', labels, scores, outputs: 1, threshold: 0.5 } as never
  const known = { frame, judged, subject, classes: [], name: 'm' } as never
  const made = await figuresOf(known, [], {})
  expect(made.dealtOut).toEqual({ inputs: 666, of: inputs })
  expect(made.importance[0]).toEqual({ input: 'n1400', share: 1 })
  const picture = drawFigures(made).find(one => one.title === 'Importance of the inputs')
  expect(picture?.note).toBe('by permutation; of 1,500 inputs the 666 that seemed to count most were tried')
  // what a trainer told goes before what goes with the scores
  const importance = columns.map((_, i) => (i < 700 ? 1 / 700 : 0))
  const told = await figuresOf(known, [], { importance })
  expect(told.lossWithout?.every(one => one.rise === 0)).toBe(true)
})

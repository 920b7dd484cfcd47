import type { ClassCurves, ConfusedPair, Curve, Dependence, Histogram, ModelFigures } from './shape.ts'
import { bars, escaped, line, matrix, plot, round, short, type Plane } from './svg.ts'

/** A picture with what it is called and what is seen in it; `svg` is markup, the rest plain text. */
export interface Picture {
  readonly title: string
  readonly note: string
  readonly svg: string
}

const kindOf = (of: string): string => (of === 'champion' ? 'other' : 'main')
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The pictures of a model, in the order in which one looks: how good, how true, where not, by what. */
export function drawFigures(figures: ModelFigures): readonly Picture[] {
  const named = (title: string, name: string): string => (name === '' ? title : `${title}: ${name}`)
  return [
    ...figures.classes.flatMap(one => [
      roc(named('ROC curve', one.class), one),
      precisionRecall(named('Precision and recall', one.class), one),
      calibration(named('Calibration', one.class), one),
    ]),
    ...(figures.truths.length > 0 ? [truths(figures)] : []),
    ...(figures.residuals ? [histogram('Residuals', 'score minus truth', figures.residuals)] : []),
    ...(figures.scores
      ? [
          histogram(
            figures.task === 'binary' ? 'Scores by truth' : 'Probability of the likeliest class',
            'score',
            figures.scores,
          ),
        ]
      : []),
    ...(figures.confusion ? [confusion(figures.confusion)] : []),
    ...(figures.confused?.length ? [confused(figures.confused)] : []),
    ...(figures.slices.length > 0 ? [slices(figures)] : []),
    ...learningCurve(figures.learningCurve),
    ...(figures.importance.some(one => one.share > 0) ? [importance(figures)] : []),
    ...(figures.importanceIs === 'of the trainer' && figures.lossWithout?.some(one => one.rise > 0)
      ? [lossWithout(figures.lossWithout, dealtOut(figures))]
      : []),
    ...figures.dependence.map(one => dependence(one, figures)),
  ]
}

const besides = (curves: readonly Curve[], what: string): string =>
  curves.map(one => `${one.of === 'champion' ? 'champion' : 'this model'} ${what} ${one.area.toFixed(4)}`).join(', ')

const unit = [0, 1] as const

function curves(list: readonly Curve[], plane: Plane, what: string): string {
  // The champion below, so that the model is seen where both are alike
  return [...list]
    .reverse()
    .map(one => line(plane, one.points, kindOf(one.of), `${one.of}: ${what} ${one.area.toFixed(4)}`))
    .join('')
}

function roc(title: string, one: ClassCurves): Picture {
  const axes = { x: unit, y: unit, xWords: 'false positives', yWords: 'true positives' }
  const svg = plot(
    title,
    axes,
    plane =>
      `${line(
        plane,
        [
          [0, 0],
          [1, 1],
        ],
        'chance',
      )}${curves(one.roc, plane, 'AUC')}`,
  )
  return { title, note: besides(one.roc, 'AUC'), svg }
}

function precisionRecall(title: string, one: ClassCurves): Picture {
  const axes = { x: unit, y: unit, xWords: 'recall', yWords: 'precision' }
  const svg = plot(
    title,
    axes,
    plane =>
      `${line(
        plane,
        [
          [0, one.share],
          [1, one.share],
        ],
        'chance',
      )}${curves(one.precisionRecall, plane, 'average precision')}`,
  )
  return {
    title,
    note: `${besides(one.precisionRecall, 'average precision')}; the share is ${percent(one.share)}`,
    svg,
  }
}

function calibration(title: string, { calibration: both }: ClassCurves): Picture {
  const most = Math.max(0.01, ...both.flatMap(one => one.bins.flatMap(bin => [bin.score, bin.upper])))
  const end = Math.min(1, most)
  const axes = { x: [0, end], y: [0, end], xWords: 'mean score', yWords: 'share that is true' } as const
  const svg = plot(title, axes, plane => {
    const drawn = [...both].reverse().map(({ of, bins }) =>
      bins
        .map(bin => {
          const words = `${of}: score ${short(bin.score)}, true ${percent(bin.share)} (${percent(bin.lower)} to ${percent(bin.upper)}) of ${bin.rows.toLocaleString('en-US')} rows`
          const x = plane.x(bin.score)
          return `<g><title>${escaped(words)}</title><line class="figure-interval ${kindOf(of)}" x1="${x}" x2="${x}" y1="${plane.y(bin.lower)}" y2="${plane.y(Math.min(end, bin.upper))}"/><circle class="figure-dot ${kindOf(of)}" cx="${x}" cy="${plane.y(bin.share)}" r="3"/></g>`
        })
        .join(''),
    )
    return `${line(
      plane,
      [
        [0, 0],
        [end, end],
      ],
      'chance',
    )}${drawn.join('')}`
  })
  return {
    title,
    note: 'ten bins of equally many rows, with 95 % intervals; on the line scores are as often right as they say',
    svg,
  }
}

function histogram(title: string, xWords: string, { edges, groups }: Histogram): Picture {
  const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 1]
  const sums = groups.map(one =>
    Math.max(
      1,
      one.counts.reduce((a, b) => a + b, 0),
    ),
  )
  const most = Math.max(0.01, ...groups.flatMap((one, g) => one.counts.map(count => count / (sums[g] as number))))
  const svg = plot(title, { x: [low, high], y: [0, most], xWords, yWords: 'share of the group' }, plane =>
    groups
      .map(({ name, counts }, g) =>
        counts
          .map((count, i) => {
            if (count === 0) return ''
            const [x, end] = [plane.x(edges[i] as number), plane.x(edges[i + 1] as number)]
            const share = count / (sums[g] as number)
            const words = `${name}, ${short(edges[i] as number)} to ${short(edges[i + 1] as number)}: ${count.toLocaleString('en-US')} rows`
            return `<rect class="figure-bar ${groups.length > 1 && g === groups.length - 1 ? 'main' : groups.length > 1 ? 'other' : 'main'}" x="${x}" y="${plane.y(share)}" width="${round(Math.max(1, end - x - 0.5))}" height="${round(plane.y(0) - plane.y(share))}"><title>${escaped(words)}</title></rect>`
          })
          .join(''),
      )
      .join(''),
  )
  return {
    title,
    note: groups.map((one, g) => `${one.name}: ${(sums[g] as number).toLocaleString('en-US')} rows`).join(', '),
    svg,
  }
}

function truths({ truths: points }: ModelFigures): Picture {
  const all = points.flat()
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const axes = { x: [low, high], y: [low, high], xWords: 'truth', yWords: 'score' } as const
  const svg = plot('Scores and truths', axes, plane => {
    const dots = points.map(
      ([x, y]) => `<circle class="figure-dot main faint" cx="${plane.x(x)}" cy="${plane.y(y)}" r="2"/>`,
    )
    return `${line(
      plane,
      [
        [low, low],
        [high, high],
      ],
      'chance',
    )}${dots.join('')}`
  })
  return { title: 'Scores and truths', note: `${points.length} test rows; on the line the score is the truth`, svg }
}

function confusion({ classes, counts }: NonNullable<ModelFigures['confusion']>): Picture {
  return {
    title: 'Confusion matrix',
    note: 'test rows by what they are and what they are called',
    svg: matrix('Confusion matrix', classes, counts),
  }
}

function confused(pairs: readonly ConfusedPair[]): Picture {
  const title = 'Most confused classes'
  const svg = bars(
    title,
    pairs.map(({ truth, called, rows, of }) => ({
      name: `${truth} → ${called}`,
      value: rows,
      note: `${count(rows)} of the ${count(of)} test rows of ${truth} were called ${called}`,
    })),
    count,
  )
  return { title, note: 'test rows of the first class that were called the second', svg }
}

function slices({ slices: list }: ModelFigures): Picture {
  const svg = bars(
    'Slices',
    list.map(one => ({
      name: one.slice,
      value: one.lost,
      lower: one.lower,
      upper: one.upper,
      kind: one.weak ? 'bad' : 'main',
      note: `${one.rows.toLocaleString('en-US')} rows, ${percent(one.lower)} to ${percent(one.upper)}`,
    })),
    percent,
  )
  return {
    title: 'Slices',
    note: 'what the model loses in each against what can be reached there, with 95 % intervals',
    svg,
  }
}

/** Two lines over the rows that were learned from; nothing where fewer than two shares could be. */
function learningCurve(figure: ModelFigures['learningCurve']): Picture[] {
  if (!figure) return []
  const { metric, judged, points } = figure
  const known = points.flatMap(({ rows, held, trained }) =>
    held === null || trained === null ? [] : [{ rows, held, trained }],
  )
  const [first, before, last] = [known[0], known.at(-2), known.at(-1)]
  if (!first || !before || !last || known.length < 2) return []
  const title = 'Learning curve'
  const values = known.flatMap(one => [one.held, one.trained])
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const y = high > low ? ([low, high] as const) : ([low - 0.5, low + 0.5] as const)
  const axes = { x: [0, last.rows], y, xWords: 'training rows', yWords: metric } as const
  const svg = plot(title, axes, plane => {
    const dots = known.map(({ rows, held, trained }) => {
      const words = `${count(rows)} rows: ${metric} ${short(held)} on others, ${short(trained)} on themselves`
      return `<circle class="figure-dot main" cx="${plane.x(rows)}" cy="${plane.y(held)}" r="3"><title>${escaped(words)}</title></circle>`
    })
    const along = (of: 'held' | 'trained') => known.map(one => [one.rows, one[of]] as const)
    return `${line(plane, along('trained'), 'other', 'rows that were trained on')}${line(plane, along('held'), 'main', 'rows that were not trained on')}${dots.join('')}`
  })
  const left = points.length - known.length
  const note = `${metric} of ${count(judged)} training rows that were kept back, and of those that were learned from: ${short(first.held)} after ${count(first.rows)} rows, ${short(before.held)} after ${count(before.rows)}, ${short(last.held)} after ${count(last.rows)}${left > 0 ? `; ${left} smaller shares could not be trained on` : ''}`
  return [{ title, note, svg }]
}

const count = (n: number): string => n.toLocaleString('en-US')

/** What stands behind a note where not every input was dealt out. */
function dealtOut({ dealtOut: some }: ModelFigures): string {
  return some ? `; of ${count(some.of)} inputs the ${count(some.inputs)} that seemed to count most were tried` : ''
}

function importance(figures: ModelFigures): Picture {
  const { importance: list, importanceIs } = figures
  const svg = bars(
    'Importance of the inputs',
    list.map(one => ({ name: one.input, value: one.share, kind: 'main' })),
    percent,
  )
  const note = importanceIs === 'by permutation' ? `${importanceIs}${dealtOut(figures)}` : importanceIs
  return { title: 'Importance of the inputs', note, svg }
}

function lossWithout(list: NonNullable<ModelFigures['lossWithout']>, some: string): Picture {
  const title = 'Loss without an input'
  const svg = bars(
    title,
    list.map(one => ({ name: one.input, value: one.rise, kind: 'main' })),
    short,
  )
  const note = `by how much the loss of held-out rows rises when the input is dealt out anew among them${some}`
  return { title, note, svg }
}

function dependence({ input, kind, points }: Dependence, { task, classes }: ModelFigures): Picture {
  const ends = points.flatMap(one => [one.lower, one.upper, one.mean])
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  const y = high > low ? ([low, high] as const) : ([low - 0.5, low + 0.5] as const)
  const of = task === 'multiclass' ? `probability of ${classes[0]?.class ?? 'the first class'}` : 'score'
  const title = `Score by ${input}`
  const note = `mean ${of} where ${input} has that value in every row, with the middle four fifths of the rows`
  if (kind === 'text') {
    const names = points.map(one => (one.value === '' ? '(missing)' : String(one.value)))
    const svg = plot(title, { x: [0, points.length], y, xWords: input, yWords: of, categories: names }, plane =>
      points
        .map((one, i) => {
          const x = plane.x(i + 0.5)
          return `<g><title>${escaped(`${names[i]}: ${short(one.mean)}`)}</title><line class="figure-interval main" x1="${x}" x2="${x}" y1="${plane.y(one.lower)}" y2="${plane.y(one.upper)}"/><circle class="figure-dot main" cx="${x}" cy="${plane.y(one.mean)}" r="3"/></g>`
        })
        .join(''),
    )
    return { title, note, svg }
  }
  const values = points.map(one => one.value as number)
  const x = [Math.min(...values), Math.max(...values)] as const
  const svg = plot(title, { x, y, xWords: input, yWords: of }, plane => {
    const [up, down] = [
      points.map(one => `${plane.x(one.value as number)} ${plane.y(one.upper)}`),
      points.map(one => `${plane.x(one.value as number)} ${plane.y(one.lower)}`).reverse(),
    ]
    const means = points.map(one => [one.value as number, one.mean] as const)
    return `<path class="figure-band" d="M${[...up, ...down].join('L')}Z"/>${line(plane, means, 'main', `${input}: mean ${of}`)}`
  })
  return { title, note, svg }
}

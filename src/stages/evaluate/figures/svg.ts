// Small pictures as SVG text, for pages that are written as files and for the dashboard alike. Colours are those of the page:
// only class names stand here. Nothing from data becomes markup.

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
}

export const short = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

const width = 320
const height = 220
const left = 56
const right = 8
const top = 8
const bottom = 34

export interface Axes {
  readonly x: readonly [low: number, high: number]
  readonly y: readonly [low: number, high: number]
  readonly xWords: string
  readonly yWords: string
  /** Words below the axis instead of numbers, evenly spaced. */
  readonly categories?: readonly string[]
}

export interface Plane {
  x(value: number): number
  y(value: number): number
}

/** A plane with axes, and what is drawn on it. */
export function plot(label: string, axes: Axes, draw: (plane: Plane) => string): string {
  const span = ([low, high]: Axes['x']): number => (high > low ? high - low : 1)
  const plane: Plane = {
    x: value => round(left + ((value - axes.x[0]) / span(axes.x)) * (width - left - right)),
    y: value => round(height - bottom - ((value - axes.y[0]) / span(axes.y)) * (height - top - bottom)),
  }
  const ticks = [0, 0.5, 1]
  const below = axes.categories
    ? axes.categories
        .map((word, i, all) => {
          const at = left + ((i + 0.5) / all.length) * (width - left - right)
          return `<text x="${round(at)}" y="${height - bottom + 13}" text-anchor="middle">${escaped(cut(word, Math.max(3, Math.floor(46 / all.length))))}</text>`
        })
        .join('')
    : ticks
        .map(share => {
          const value = axes.x[0] + share * span(axes.x)
          return `<text x="${plane.x(value)}" y="${height - bottom + 13}" text-anchor="${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}">${short(value)}</text>`
        })
        .join('')
  const beside = ticks
    .map(share => {
      const value = axes.y[0] + share * span(axes.y)
      return `<line class="figure-grid" x1="${left}" x2="${width - right}" y1="${plane.y(value)}" y2="${plane.y(value)}"/><text x="${left - 4}" y="${plane.y(value) + 4}" text-anchor="end">${short(value)}</text>`
    })
    .join('')
  return picture(
    label,
    height,
    `${beside}${below}<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${escaped(axes.xWords)}</text><text transform="translate(12 ${(height - bottom + top) / 2}) rotate(-90)" text-anchor="middle">${escaped(axes.yWords)}</text>${draw(plane)}`,
  )
}

const picture = (label: string, tall: number, inner: string): string =>
  `<svg class="figure" viewBox="0 0 ${width} ${tall}" role="img" aria-label="${escaped(label)}">${inner}</svg>`

export const round = (value: number): number => Number(value.toFixed(1))

export const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

export function line(plane: Plane, points: readonly (readonly [number, number])[], kind: string, title = ''): string {
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${plane.x(x)} ${plane.y(y)}`).join('')
  return `<path class="figure-line ${kind}" d="${path}">${title === '' ? '' : `<title>${escaped(title)}</title>`}</path>`
}

export interface Bar {
  readonly name: string
  readonly value: number
  readonly lower?: number
  readonly upper?: number
  readonly kind?: string
  readonly note?: string
}

/** Bars that lie, one below the other, with their names and intervals. */
export function bars(label: string, list: readonly Bar[], words: (value: number) => string): string {
  const row = 24
  const ends = list.flatMap(one => [one.value, one.lower ?? one.value, one.upper ?? one.value])
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)]
  const span = high > low ? high - low : 1
  const x = (value: number): number => round(4 + ((value - low) / span) * (width - 60))
  const inner = list
    .map(({ name, value, lower, upper, kind = '', note = '' }, i) => {
      const y = i * row
      const [from, to] = [Math.min(x(0), x(value)), Math.max(x(0), x(value))]
      const interval =
        lower === undefined || upper === undefined
          ? ''
          : `<line class="figure-interval" x1="${x(lower)}" x2="${x(upper)}" y1="${y + 18}" y2="${y + 18}"/>`
      return `<g><title>${escaped(`${name}: ${words(value)}${note === '' ? '' : `, ${note}`}`)}</title><text x="4" y="${y + 10}">${escaped(cut(name, 44))}</text><text x="${width - 4}" y="${y + 10}" text-anchor="end">${escaped(words(value))}</text><rect class="figure-bar ${kind}" x="${from}" y="${y + 14}" width="${Math.max(1, round(to - from))}" height="8"/>${interval}</g>`
    })
    .join('')
  return picture(label, Math.max(row, list.length * row), inner)
}

/** A table of counts, darker where there are more of the row. */
export function matrix(label: string, names: readonly string[], counts: readonly (readonly number[])[]): string {
  const n = names.length
  const cell = Math.min(48, (width - 70) / n)
  const tall = round(30 + n * cell + 16)
  const rows = counts
    .map((line_, i) => {
      const sum = line_.reduce((a, b) => a + b, 0)
      const cells = line_
        .map((count, k) => {
          const share = sum === 0 ? 0 : count / sum
          const [x, y] = [round(66 + k * cell), round(30 + i * cell)]
          return `<g><title>${escaped(`${names[i]} called ${names[k]}: ${count.toLocaleString('en-US')} (${(100 * share).toFixed(1)} %)`)}</title><rect class="figure-cell" x="${x}" y="${y}" width="${round(cell - 2)}" height="${round(cell - 2)}" fill-opacity="${round(share)}"/><text x="${round(x + cell / 2 - 1)}" y="${round(y + cell / 2 + 3)}" text-anchor="middle">${count >= 10_000 ? `${Math.round(count / 1000)}k` : count}</text></g>`
        })
        .join('')
      return `<text x="62" y="${round(30 + i * cell + cell / 2 + 3)}" text-anchor="end">${escaped(cut(names[i] ?? '', 10))}</text>${cells}`
    })
    .join('')
  const heads = names
    .map(
      (name, k) =>
        `<text x="${round(66 + k * cell + cell / 2)}" y="24" text-anchor="middle">${escaped(cut(name, Math.max(3, Math.floor(cell / 6))))}</text>`,
    )
    .join('')
  return picture(
    label,
    tall,
    `<text x="66" y="10">called</text><text x="62" y="24" text-anchor="end">true</text>${heads}${rows}`,
  )
}

import type { ColumnDistribution } from '../../../stages/validate/distribution.ts'
import { escape, number, percent } from './escape.ts'

type Bars = ColumnDistribution['bars']

/** Ranges as columns of a histogram. */
function columns(bars: Bars): string {
  const most = Math.max(1, ...bars.map(bar => bar.rows))
  const width = 240 / bars.length
  const drawn = bars.map(({ label, rows }, i) => {
    const height = rows === 0 ? 0 : Math.max(1, (rows / most) * 72)
    return `<rect x="${(i * width + 0.5).toFixed(1)}" y="${(74 - height).toFixed(1)}" width="${(width - 1).toFixed(1)}" height="${height.toFixed(1)}"><title>${escape(label)}: ${number(rows)} rows</title></rect>`
  })
  const first = bars[0]?.label.split(' … ')[0] ?? ''
  const last = bars.at(-1)?.label.split(' … ')[1] ?? ''
  return `<svg viewBox="0 0 240 90" role="img" aria-label="Histogram from ${escape(first)} to ${escape(last)}"><rect class="base" x="0" y="74" width="240" height="1"/>${drawn.join('')}<text class="soft" x="0" y="87">${escape(first)}</text><text class="soft" x="240" y="87" text-anchor="end">${escape(last)}</text></svg>`
}

/** Pale enough for text on it to be read, in light and dark. */
export const barOpacity = 0.4

/** Values as rows, the most frequent first. */
function rows(bars: Bars, all: number): string {
  const most = Math.max(1, ...bars.map(bar => bar.rows))
  const drawn = bars.map(({ label, rows: count }, i) => {
    const y = i * 17
    const text = label === '' ? '(empty)' : label.length > 22 ? `${label.slice(0, 21)}…` : label
    return `<rect class="base" x="0" y="${y}" width="240" height="14" rx="2"/><rect x="0" y="${y}" width="${((count / most) * 240).toFixed(1)}" height="14" rx="2" opacity="${barOpacity}"><title>${escape(label)}: ${number(count)} rows</title></rect><text x="4" y="${y + 11}">${escape(text)}</text><text x="236" y="${y + 11}" text-anchor="end">${percent(count / Math.max(1, all))}</text>`
  })
  return `<svg viewBox="0 0 240 ${Math.max(14, bars.length * 17)}" role="img" aria-label="Most frequent values">${drawn.join('')}</svg>`
}

/** The picture of one column. */
export function picture({ bars, form, others }: ColumnDistribution): string {
  if (form === 'hidden') return '<p class="soft">Personal data: not shown.</p>'
  if (bars.length === 0) return '<p class="soft">Too many different values to show.</p>'
  if (form === 'ranges') return columns(bars)
  return rows(
    bars,
    bars.reduce((sum, bar) => sum + bar.rows, others),
  )
}

/** A small picture of each column. */
export function renderDistributions(found: readonly ColumnDistribution[], all: number): string {
  const cards = found.map(one => {
    const facts = [
      one.type,
      one.distinct === undefined ? '' : `${number(one.distinct)} different`,
      one.nulls === 0 ? 'no nulls' : `${percent(one.nulls / Math.max(1, all))} null`,
    ].filter(Boolean)
    return `<section class="card"><h3><code>${escape(one.column)}</code></h3><small>${facts.join(' · ')}</small>${picture(one)}</section>`
  })
  return `<div class="grid">${cards.join('')}</div>`
}

import colors from 'picocolors'
import type { ColumnProfile, Profile } from '../../../stages/profile/types.ts'
import { tableLines } from '../../output.ts'
import { shown } from '../subject.ts'
import {
  countText,
  distinctText,
  factsOf,
  findingText,
  neverRepeats,
  percentText,
  pinText,
  sizeText,
  typeText,
  valueText,
} from './words.ts'

const steps = '▁▂▃▄▅▆▇█'
const strong = 0.3
const maxCorrelations = 10
const maxTop = 5
/** A most frequent value that fewer rows than this share have is not worth a line. */
const leastTop = 0.001

/** A histogram in one line; of single values the most frequent, first to last. */
function sparkline({ distribution: { bars, form } }: ColumnProfile): string {
  if (form === 'hidden' || bars.length < 2) return ''
  const most = Math.max(...bars.map(bar => bar.rows), 1)
  // the root: a long tail stays visible beside a tall middle
  const height = (rows: number) => Math.min(7, Math.floor(Math.sqrt(rows / most) * 8))
  return bars.map(({ rows }) => (rows === 0 ? ' ' : steps[height(rows)])).join('')
}

function topText(column: ColumnProfile, rows: number): string {
  const top = column.top.slice(0, maxTop)
  if (neverRepeats(column, rows) || top.length === 0 || (top[0]?.rows ?? 0) < leastTop * rows) return ''
  return top.map(one => `${valueText(one.value, column)} ${percentText(one.rows / rows)}`).join(' · ')
}

function overview({ columns, rows }: Profile): string[] {
  return tableLines(
    ['column', 'type', 'nulls', 'different', 'least', 'greatest', 'spread'],
    columns.map(column => [
      shown(column.column),
      shown(typeText(column)),
      percentText(rows === 0 ? 0 : column.nulls / rows),
      distinctText(column),
      valueText(column.min, column),
      valueText(column.max, column),
      sparkline(column),
    ]),
  )
}

/** A profile for a terminal: what surprises first, then all columns side by side, then each of them. */
export function renderProfile(profile: Profile, color: boolean): string {
  const { bold, dim, yellow } = colors.createColors(color)
  const { rows, columns, findings, keys, correlations } = profile
  const lines = [`${bold(shown(profile.source))}  ${sizeText(profile)}`]
  if (profile.csv) lines.push(dim(`read as ${shown(pinText(profile.csv))}; declare it so to pin it`))
  lines.push('')
  if (findings.length === 0) lines.push('Nothing surprises.')
  for (const finding of findings) lines.push(`${yellow('!')} ${findingText(finding)}`)
  lines.push('', ...overview(profile))
  for (const column of columns) {
    const top = topText(column, rows)
    const facts = [...factsOf(column, rows), ...(top ? [`most frequent: ${top}`] : [])]
    if (facts.length > 0) lines.push('', bold(shown(column.column)), ...facts.map(fact => `  ${shown(fact)}`))
  }
  const strongOnes = correlations.filter(one => Math.abs(one.r) >= strong)
  if (correlations.length > 0) {
    const rest = correlations.length - strongOnes.length
    const on = profile.correlationsOf < rows ? ` (on ${countText(profile.correlationsOf)} rows)` : ''
    lines.push('', bold(`Correlations${on}`))
    for (const { a, b, r } of strongOnes.slice(0, maxCorrelations))
      lines.push(`  ${r.toFixed(3).padStart(6)}  ${shown(a)}, ${shown(b)}`)
    if (rest > 0) {
      const most = correlations[strongOnes.length]
      lines.push(
        dim(
          `  ${rest} ${rest === 1 ? 'pair' : 'pairs'} below 0.3, at most ${shown(most?.a ?? '')} and ${shown(most?.b ?? '')} with ${most?.r.toFixed(3)}`,
        ),
      )
    }
  }
  lines.push(
    '',
    keys.length > 0
      ? `Could be a key: ${keys.map(key => shown(key.join(' + '))).join('; ')}`
      : 'No column and no likely pair of columns is a key.',
  )
  if (columns.some(column => !column.distinct.exact)) lines.push(dim('≈ is an estimate; it may be a fifth off.'))
  if (columns.some(column => column.type === 'timestamp'))
    lines.push(dim('Times are UTC; those without a zone are taken as UTC.'))
  return `${lines.join('\n')}\n`
}

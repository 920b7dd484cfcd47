import type { ColumnProfile, Profile } from '../../../stages/profile/types.ts'
import { picture } from '../html/distributions.ts'
import { escape, percent } from '../html/escape.ts'
import { page } from '../html/page.ts'
import {
  countText,
  distinctText,
  factsOf,
  findingText,
  neverRepeats,
  pinText,
  sizeText,
  typeText,
  valueText,
} from './words.ts'

const strong = 0.3
const maxCorrelations = 200

function card(column: ColumnProfile, rows: number): string {
  const facts = [
    typeText(column),
    `${distinctText(column)} different`,
    column.nulls === 0 ? 'no nulls' : `${percent(column.nulls / Math.max(1, rows))} null`,
    ...(column.declared === false ? ['not declared'] : []),
  ]
  const notes = factsOf(column, rows).map(escape).join('<br>')
  const drawn =
    column.type === 'text' && neverRepeats(column, rows)
      ? '<p class="soft">No value occurs twice.</p>'
      : picture(column.distribution)
  return `<section class="card"><h3><code>${escape(column.column)}</code></h3><small>${escape(facts.join(' · '))}</small>${drawn}${notes ? `<p class="soft">${notes}</p>` : ''}${top(column, rows)}</section>`
}

function top(column: ColumnProfile, rows: number): string {
  if (column.top.length === 0 || column.distribution.form === 'values' || neverRepeats(column, rows)) return ''
  const lines = column.top.map(
    one =>
      `<tr><td>${escape(valueText(one.value, column))}</td><td class="n">${countText(one.rows)}</td><td class="n">${percent(one.rows / Math.max(1, rows))}</td></tr>`,
  )
  return `<details><summary class="soft">most frequent values</summary><table><tbody>${lines.join('')}</tbody></table></details>`
}

function correlationTable({ correlations, correlationsOf, rows }: Profile): string {
  if (correlations.length === 0) return ''
  const lines = correlations.slice(0, maxCorrelations).map(({ a, b, r }) => {
    const value = r.toFixed(3)
    return `<tr><td class="n">${Math.abs(r) >= strong ? `<b>${value}</b>` : value}</td><td>${escape(a)}</td><td>${escape(b)}</td></tr>`
  })
  const on = correlationsOf < rows ? ` <small>on ${countText(correlationsOf)} rows</small>` : ''
  return `<h2>Correlations${on}</h2><div class="scroll"><table><thead><tr><th class="n">Pearson's r</th><th>column</th><th>column</th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`
}

function columnTable({ columns, rows }: Profile): string {
  const lines = columns.map(
    column =>
      `<tr><td><code>${escape(column.column)}</code></td><td>${escape(column.type)}</td><td class="n">${percent(column.nulls / Math.max(1, rows))}</td><td class="n">${distinctText(column)}</td><td>${escape(valueText(column.min, column))}</td><td>${escape(valueText(column.max, column))}</td></tr>`,
  )
  return `<h2>All columns</h2><input type="search" aria-label="Search columns" placeholder="Search ${countText(columns.length)} columns" data-table="columns"><div class="scroll"><table id="columns"><thead><tr><th>column</th><th>type</th><th class="n">null</th><th class="n">different</th><th>least</th><th>greatest</th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`
}

/** A profile as one page that needs no network: what surprises, each column with its picture, then the tables. */
export function renderProfilePage(profile: Profile): string {
  const { findings, keys, columns, rows } = profile
  const surprises = findings
    .map(finding => `<article class="card warn">${escape(findingText(finding))}</article>`)
    .join('')
  const key =
    keys.length > 0
      ? `Could be a key: ${keys.map(one => one.join(' + ')).join('; ')}`
      : 'No column and no likely pair of columns is a key.'
  const pinned = profile.csv
    ? `<p class="soft">Read as <code>${escape(pinText(profile.csv))}</code>; declare it so to pin it.</p>`
    : ''
  const body = `<section><h1>${escape(profile.source)}</h1><p class="soft">${escape(sizeText(profile))} · ${countText(columns.length)} columns</p>${pinned}<h2>What surprises</h2>${surprises || '<p class="soft">Nothing.</p>'}<p>${escape(key)}</p><h2>Columns</h2><div class="grid">${columns.map(column => card(column, rows)).join('')}</div>${columnTable(profile)}${correlationTable(profile)}</section>`
  return page(`Millrace: profile of ${profile.source}`, body)
}

import type { CheckResult } from '../../../define/report.ts'
import { outcomeOf, placeOf, sourceOf, titleOf, valuesOf, type Outcome } from '../subject.ts'
import { counted } from '../../words.ts'
import { escape, number, percent } from './escape.ts'

const words: Record<Outcome, string> = {
  error: 'error',
  fail: 'failed',
  warn: 'warning',
  info: 'info',
  skipped: 'skipped',
  pass: 'ok',
}

export const mark = (outcome: Outcome): string => `<span class="mark ${outcome}">${words[outcome]}</span>`

function sampleTable(check: CheckResult): string {
  const sample = check.sample ?? []
  const [first] = sample
  if (!first) return ''
  const rows = sample.map(row => {
    const place = sourceOf(row)
    return place === undefined ? row : { place, ...valuesOf(row) }
  })
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const head = names.map(name => `<th>${escape(name === 'millrace_row' ? 'row (from 0)' : name)}</th>`).join('')
  const cell = (value: unknown) =>
    value === null || value === undefined
      ? '<span class="soft">null</span>'
      : escape(typeof value === 'object' ? JSON.stringify(value) : String(value))
  const body = rows.map(row => `<tr>${names.map(name => `<td>${cell(row[name])}</td>`).join('')}</tr>`).join('')
  // Some tell of everything that was looked at, not of rows that break a rule
  const title =
    sample.length > check.bad
      ? `${number(sample.length)} that were looked at`
      : `${number(sample.length)} of ${number(check.bad)} that break it`
  return `<details><summary class="soft">${title}</summary><div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div></details>`
}

/** A check that did not hold, with everything one wants to know at once. */
export function checkCard(check: CheckResult, root: string | undefined): string {
  const outcome = outcomeOf(check)
  // a share of rows; other checks have one figure that is bad or not
  const share = typeof check.observed.badShare === 'number' ? check.observed.badShare : 0
  const values = (check.distinctBad ?? []).map(
    ({ value, count }) =>
      `<code>${escape(value === null ? 'null' : String(value))}${count > 1 ? ` ×${number(count)}` : ''}</code>`,
  )
  const place = placeOf(check, root)
  const notes = [
    check.threshold && `expected: ${escape(check.threshold)}`,
    check.excludedNull ? `${counted(check.excludedNull, 'null')} not judged` : '',
    check.excludedFilter ? `${counted(check.excludedFilter, 'row')} left out by its condition` : '',
    check.approximate ? `not exact: ${escape(check.approximate)}` : '',
    place && `declared at <code>${escape(place)}</code>`,
    check.failuresUri && `all of them: <code>${escape(check.failuresUri)}</code>`,
  ].filter(Boolean)
  return `<article class="card ${outcome}">${mark(outcome)} <b>${escape(titleOf(check))}</b><div>${escape(check.message)}</div>${
    share > 0
      ? `<div class="meter" role="img" aria-label="${percent(share)} bad"><i style="width:${Math.max(1, 100 * share).toFixed(2)}%"></i></div>`
      : ''
  }${values.length > 0 ? `<div class="chips">${values.join('')}</div>` : ''}<small>${notes.join(' · ')}</small>${sampleTable(check)}</article>`
}

/** All checks as lines of a table that can be searched. */
export function checkTable(checks: readonly CheckResult[], id: string): string {
  const rows = checks.map(
    check =>
      `<tr><td>${mark(outcomeOf(check))}</td><td>${escape(titleOf(check))}</td><td>${escape(check.message)}</td><td class="n">${number(check.evaluated)}</td><td class="n">${number(check.bad)}</td></tr>`,
  )
  return `<input type="search" aria-label="Search checks" placeholder="Search ${number(checks.length)} checks" data-table="${id}"><div class="scroll"><table id="${id}"><thead><tr><th>state</th><th>check</th><th>what was found</th><th class="n">judged</th><th class="n">bad</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

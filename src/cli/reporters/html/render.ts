import { quarantineSentence, type Report } from '../../../define/report.ts'
import { formatTime } from '../../../internal/time.ts'
import { countOf, headingOf, outcomeOf, worstFirst, type RenderOptions } from '../subject.ts'
import { checkCard, checkTable, mark } from './checks.ts'
import { renderDistributions } from './distributions.ts'
import { escape, number } from './escape.ts'
import { renderFigures } from './figures.ts'
import { page } from './page.ts'

/** Cards beyond this are lines of the table only: nobody reads more, and the page stays quick. */
const maxCards = 200

function quarantineNote(report: Report): string {
  const sentence = quarantineSentence(report)
  return sentence === undefined ? '' : `<p>${escape(sentence)}.</p>`
}

function section(report: Report, index: number, options: RenderOptions): string {
  const ordered = worstFirst(report.checks)
  const broken = ordered.filter(check => !['pass', 'skipped'].includes(outcomeOf(check)))
  const { rows, source, failing } = report.evidence
  const all = typeof rows === 'number' ? rows : 0
  const told = countOf([report], 'info')
  const facts = [
    ['rows', number(all)],
    ['checks', number(report.checks.length)],
    ['failed', number(countOf([report], 'fail', 'error'))],
    ['warnings', number(countOf([report], 'warn'))],
    ...(told > 0 ? [['info', number(told)]] : []),
    ...(typeof failing === 'number' ? [['rows that fail', number(failing)]] : []),
  ]
  const found = options.distributions?.get(report.id) ?? []
  const figures = options.figures?.get(report.id)
  return `<section><h1>${escape(headingOf(report))}</h1><p>${mark(report.status)} <span class="soft">${escape(formatTime(report.at))}${typeof source === 'string' ? ` · ${escape(source)}` : ''}</span></p><div class="facts">${facts
    .map(([name, value]) => `<div><b>${value}</b><small>${name}</small></div>`)
    .join('')}</div>${quarantineNote(report)}${
    broken.length === 0
      ? ''
      : `<h2>What does not hold</h2>${broken
          .slice(0, maxCards)
          .map(check => checkCard(check, options.root))
          .join(
            '',
          )}${broken.length > maxCards ? `<p class="soft">${number(broken.length - maxCards)} more stand in the table below.</p>` : ''}`
  }${found.length === 0 ? '' : `<h2>Distributions</h2>${renderDistributions(found, all)}`}${figures ? renderFigures(figures) : ''}${allChecks(checkTable(ordered, `checks-${index}`), report)}</section>`
}

/** Of a model there are dozens of checks that nobody reads while they hold: they are folded. */
function allChecks(table: string, { kind, checks }: Report): string {
  return kind === 'model'
    ? `<details><summary><b>All ${number(checks.length)} checks</b></summary>${table}</details>`
    : `<h2>All checks</h2>${table}`
}

/** One page for people: what does not hold first, then how each column is spread, then every check. Needs no network. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const title = reports.length === 1 ? headingOf(reports[0] as Report) : `${reports.length} reports`
  return page(`Millrace: ${title}`, reports.map((report, i) => section(report, i, options)).join('<hr>'))
}

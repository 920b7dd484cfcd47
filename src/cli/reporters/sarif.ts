import { quarantineSentence, type CheckResult, type Report } from '../../define/report.ts'
import { examplesOf } from './examples.ts'
import {
  findingPlaceOf,
  fingerprintOf,
  headingOf,
  observedText,
  outcomeOf,
  titleOf,
  type RenderOptions,
} from './subject.ts'

/** GitHub shows no more results of one file than this; the worst are kept. */
const maxResults = 5_000

const levels = { error: 'error', fail: 'error', warn: 'warning', info: 'note', skipped: 'none', pass: 'none' } as const
const order = ['error', 'warning', 'note', 'none']

/** No text from data becomes a link of a SARIF message. */
const plain = (text: string): string => text.replace(/[\\[\]]/g, String.raw`\$&`)

function locationsOf(check: CheckResult, options: RenderOptions): readonly object[] {
  const { file, line } = findingPlaceOf(check, options)
  const uri = file.split('/').map(encodeURIComponent).join('/')
  return [{ physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region: { startLine: line } } }]
}

function resultOf(report: Report, check: CheckResult, rules: readonly string[], options: RenderOptions): object {
  const ruleId = `${report.kind}/${check.kind}`
  const observed = observedText(check)
  return {
    ruleId,
    ruleIndex: rules.indexOf(ruleId),
    level: levels[outcomeOf(check)],
    message: {
      text: [
        `${headingOf(report)}: ${check.message}${plain(examplesOf(check, options))}`,
        observed && `Observed: ${observed}.`,
        check.threshold && `Expected: ${check.threshold}.`,
      ]
        .filter(Boolean)
        .join('\n'),
    },
    locations: locationsOf(check, options),
    partialFingerprints: { 'millraceCheck/v1': fingerprintOf(report, check) },
    properties: {
      check: check.id,
      title: titleOf(check),
      severity: check.severity,
      evaluated: check.evaluated,
      bad: check.bad,
    },
  }
}

/** SARIF 2.1.0: one result for each check that did not pass, at the line of its declaration. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const found = reports
    .flatMap(report => report.checks.map(check => ({ report, check })))
    .filter(({ check }) => levels[outcomeOf(check)] !== 'none')
    .sort((a, b) => order.indexOf(levels[outcomeOf(a.check)]) - order.indexOf(levels[outcomeOf(b.check)]))
  const rules = [...new Set(found.map(({ report, check }) => `${report.kind}/${check.kind}`))].sort()
  const quarantine = reports.flatMap(report => quarantineSentence(report) ?? [])
  const properties = {
    ...(quarantine.length > 0 ? { quarantine } : {}),
    ...(found.length > maxResults ? { resultsLeftOut: found.length - maxResults } : {}),
  }
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Millrace',
            ...(options.version ? { semanticVersion: options.version } : {}),
            rules: rules.map(id => ({
              id,
              name: id.replace(/(?:^|[/-])(\w)/g, (_, letter: string) => letter.toUpperCase()),
              shortDescription: { text: `The ${id.split('/')[0]} check "${id.split('/')[1]}" holds.` },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The repository' } } },
        results: found.slice(0, maxResults).map(({ report, check }) => resultOf(report, check, rules, options)),
        ...(Object.keys(properties).length > 0 ? { properties } : {}),
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

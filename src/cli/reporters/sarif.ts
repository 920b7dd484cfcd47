import { digestJson } from '../../internal/digest.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import { headingOf, observedText, outcomeOf, relativePath, titleOf, type RenderOptions } from './subject.ts'

/** GitHub shows no more results of one file than this; the worst are kept. */
const mostResults = 5_000

const levels = { error: 'error', fail: 'error', warn: 'warning', info: 'note', skipped: 'none', pass: 'none' } as const
const order = ['error', 'warning', 'note', 'none']

function locationsOf(check: CheckResult, root: string | undefined): readonly object[] {
  const uri = check.location && relativePath(check.location.file, root)
  // Viewers refuse a result without a place: what has none is about the project file as a whole.
  const region = uri === undefined ? { startLine: 1 } : { startLine: Math.max(1, check.location?.line ?? 1) }
  const artifact = (uri ?? 'millrace.config.ts').split('/').map(encodeURIComponent).join('/')
  return [{ physicalLocation: { artifactLocation: { uri: artifact, uriBaseId: '%SRCROOT%' }, region } }]
}

function resultOf(report: Report, check: CheckResult, rules: readonly string[], root: string | undefined): object {
  const ruleId = `${report.kind}/${check.kind}`
  const observed = observedText(check)
  return {
    ruleId,
    ruleIndex: rules.indexOf(ruleId),
    level: levels[outcomeOf(check)],
    message: {
      text: [
        `${headingOf(report)}: ${check.message}`,
        observed && `Observed: ${observed}.`,
        check.threshold && `Expected: ${check.threshold}.`,
      ]
        .filter(Boolean)
        .join('\n'),
    },
    locations: locationsOf(check, root),
    // The same check of the same subject is the same finding in every run, wherever its line moves to.
    partialFingerprints: { 'millraceCheck/v1': digestJson([report.kind, report.subject, check.id]).slice(7, 39) },
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
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The project folder' } } },
        results: found.slice(0, mostResults).map(({ report, check }) => resultOf(report, check, rules, options.root)),
        ...(found.length > mostResults ? { properties: { resultsLeftOut: found.length - mostResults } } : {}),
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

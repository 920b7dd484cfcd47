import fc from 'fast-check'
import { expect, test } from 'vitest'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { render as azure } from './azure.ts'
import { render as codeQuality } from './code-quality.ts'
import { render as github } from './github.ts'
import { render as html } from './html/render.ts'
import { render as json } from './json.ts'
import { render as junit } from './junit.ts'
import { render as markdown } from './markdown.ts'
import { render as pretty } from './pretty.ts'
import { render as sarif } from './sarif.ts'
import { checkOfDelays as check } from '../../../test/support/reports.ts'

const root = '/home/someone/flights'

const broken = check({
  status: 'fail',
  observed: { bad: 11, badShare: 0.11 },
  bad: 11,
  message: 'delay is between -120 and 1440: 11 rows of 100 do not, no bad rows allowed',
  distinctBad: [{ value: -1116, count: 1 }],
  sample: [{ row: 5, delay: -1116 }],
  failuresUri: '.millrace/quarantine/flights.parquet',
  location: { file: `${root}/millrace.config.ts`, line: 12 },
})
const warning = check({
  id: 'dupes',
  kind: 'duplicateRows',
  target: { dataset: 'flights' },
  severity: 'warning',
  status: 'fail',
  message: '3 rows twice',
})
const unevaluable = check({
  id: 'gone',
  kind: 'matches',
  status: 'error',
  error: 'no such column',
  message: 'could not be evaluated',
})

function report(checks: readonly CheckResult[]): Report {
  return {
    id: 'r1',
    kind: 'validation',
    subject: 'flights',
    at: 1e15 + 5,
    status: overallStatus(checks),
    checks,
    evidence: {},
  }
}

const reports = [report([check(), warning, broken, unevaluable])]

/** Enough of an XML parser to say whether a document is well formed; throws where it is not. */
function wellFormed(text: string): { readonly elements: number } {
  const open: string[] = []
  let elements = 0
  const rest = text.replace(/^<\?xml[^?]*\?>\s*/, '')
  const token = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y
  while (token.lastIndex < rest.length) {
    const at = token.lastIndex
    const match = token.exec(rest)
    if (!match) throw new Error(`not well formed at ${at}: ${rest.slice(at, at + 60)}`)
    const [, closing, name, inside = '', empty, between = ''] = match
    for (const part of [inside, between])
      if (/&(?!(?:amp|lt|gt|quot|#\d+);)/.test(part)) throw new Error(`a bare & in ${part}`)
    if (name === undefined) {
      if (open.length === 0 && between.trim() !== '') throw new Error('text outside the root')
    } else if (closing) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`)
    } else {
      elements++
      if (!empty) open.push(name)
    }
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`)
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/.test(text)) throw new Error('a character that XML forbids')
  return { elements }
}

test('the terminal shows what failed first, in sentences, with values, place and file', () => {
  expect(pretty(reports, { root })).toBe(
    [
      '✗ validation of flights: 2 of 4 checks failed, 1 warning',
      '  ✗ delay matches        could not be evaluated',
      '  ✗ delay between        delay is between -120 and 1440: 11 rows of 100 do not, no bad rows allowed',
      '                         values: -1116',
      '                         all of them: .millrace/quarantine/flights.parquet',
      '                         declared at millrace.config.ts:12',
      '  ! duplicateRows dupes  3 rows twice',
      '',
    ].join('\n'),
  )
  expect(pretty([report([check()])])).toBe('✓ validation of flights: 1 check passed\n')
  expect(pretty([report([check()])], { verbose: true })).toContain('✓ delay between  delay is between')
  expect(pretty(reports, { color: true })).toContain('\u001b[31m✗\u001b[39m')
})

test('rows of files are told by file and line, where the line is known', () => {
  const sample = [
    { millrace_row: 0, millrace_file: 'data/a.csv', millrace_line: 4, delay: 'x' },
    { millrace_row: 9, delay: 'y' },
  ]
  const told = [report([check({ status: 'fail', bad: 2, sample })])]
  expect(pretty(told)).toContain('first row: {"delay":"x"}\n                   at data/a.csv:4, …\n')
  expect(markdown(told)).toContain('<br>at data/a.csv:4, …')
  expect(html(told)).toContain('<td>data/a.csv:4</td>')
  const lines = [{ line: 3, file: 'a.json', reason: 'it is no JSON', text: '{' }]
  expect(pretty([report([check({ status: 'fail', bad: 1, sample: lines })])])).toContain('at a.json:3\n')
})

test('a check of severity info is told as such, and is neither a failure nor a warning', () => {
  const told = [report([check(), check({ id: 'told', severity: 'info', status: 'fail', message: 'told only' })])]
  expect(told[0]?.status).toBe('pass')
  expect(pretty(told)).toBe('✓ validation of flights: 1 info, 1 check passed\n  i delay between  told only\n')
  expect(junit(told)).toContain('failures="0" errors="0"')
  expect(junit(told)).toContain('<system-out>info: told only')
  expect(sarif(told)).toContain('"level": "note"')
  expect(github(told)).toContain('::notice title=validation of flights%3A delay between::told only')
  expect(markdown(told)).toContain('1 of 2 checks passed, 1 info')
  expect(html(told)).toContain('<b>0</b><small>warnings</small>')
  expect(html(told)).toContain('<span class="mark info">info</span>')
})

test('nothing that comes from data commands the terminal', () => {
  const hostile = report([
    check({ status: 'fail', message: 'a\u001b[2Jb\u0007', distinctBad: [{ value: '\u009b1m', count: 1 }] }),
  ])
  // oxlint-disable-next-line no-control-regex
  expect(pretty([hostile])).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
})

test('JUnit counts failures, errors and skips, and says observed against expected', () => {
  const text = junit([report([check(), warning, broken, unevaluable, check({ status: 'skipped' })])], { root })
  expect(wellFormed(text).elements).toBe(2 + 5 + 4)
  expect(text).toContain('tests="5" failures="1" errors="1" skipped="1"')
  expect(text).toContain('classname="validation.flights" name="delay between [between-0123456789ab]"')
  expect(text).toContain('observed: bad 11, badShare 0.11 (11 bad of 100)\nexpected: no bad rows')
  expect(text).toContain('timestamp="2001-09-09T01:46:40"')
})

test('JUnit stays well formed whatever the data holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary-ascii' }), (message, value) => {
      const hostile = check({
        status: 'fail',
        message,
        id: value,
        threshold: `\ud800${value}`,
        distinctBad: [{ value, count: 2 }],
      })
      wellFormed(junit([{ ...report([hostile]), subject: message }]))
    }),
  )
})

test('SARIF has the shape that code scanning asks for', () => {
  const log = JSON.parse(sarif(reports, { root, version: '0.1.0' })) as {
    version: string
    runs: {
      tool: { driver: { name: string; rules: { id: string }[] } }
      results: {
        ruleId: string
        ruleIndex: number
        level: string
        message: { text: string }
        locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[]
        partialFingerprints: Record<string, string>
      }[]
    }[]
  }
  expect(log.version).toBe('2.1.0')
  const [run] = log.runs
  expect(run?.tool.driver.name).toBe('Millrace')
  expect(run?.results).toHaveLength(3)
  for (const result of run?.results ?? []) {
    expect(run?.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId)
    expect(['error', 'warning']).toContain(result.level)
    expect(result.message.text).not.toBe('')
    expect(result.locations[0]?.physicalLocation.artifactLocation.uri).toBe('millrace.config.ts')
    expect(result.locations[0]?.physicalLocation.region.startLine).toBeGreaterThanOrEqual(1)
    expect(Object.values(result.partialFingerprints)[0]).toMatch(/^[0-9a-f]{32}$/)
  }
  expect(run?.results[0]?.locations[0]?.physicalLocation.region.startLine).toBe(12)
  expect(run?.results.at(-1)?.level).toBe('warning')
})

test('GitHub annotations stand on the line of the declaration and are one line each', () => {
  const odd = check({ status: 'fail', message: '100 %\nof it: a, b' })
  expect(github([report([broken, odd, check()])], { root }).split('\n')).toEqual([
    `::error file=millrace.config.ts,line=12,title=validation of flights%3A delay between::${broken.message} (values: -1116)`,
    '::error title=validation of flights%3A delay between::100 %25%0Aof it: a, b',
    '',
  ])
})

test('a place outside the project is not shown', () => {
  const elsewhere = report([check({ status: 'fail', location: { file: '/etc/passwd', line: 3 } })])
  for (const render of [pretty, json, junit, sarif, github, markdown])
    expect(render([elsewhere], { root })).not.toContain('/etc')
})

test('the Markdown summary escapes data and stays below 1,024 KiB', () => {
  expect(markdown(reports, { root })).toContain('## Millrace: ❌ 2 of 4 checks failed, 1 warning')
  expect(markdown([report([check({ status: 'fail', message: '<img src=x> | `a` @all' })])])).toContain(
    '&lt;img src=x&gt; &#124; &#96;a&#96; &#64;all',
  )
  const many = report(Array.from({ length: 20_000 }, () => broken))
  const text = markdown([many], { root })
  expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024)
  expect(text).toMatch(/Cut here: \d+ further lines/)
})

test('JSON gives the reports whole, with readable times', () => {
  expect(JSON.parse(json(reports, { root }))).toMatchObject({
    version: 1,
    reports: [
      {
        subject: 'flights',
        at: '2001-09-09T01:46:40.000005Z',
        checks: [{}, {}, { location: { file: 'millrace.config.ts', line: 12 } }, {}],
      },
    ],
  })
})

test('CI systems are told files from the root of the repository', () => {
  const options = { root, folder: 'ml/late flights' }
  expect(github(reports, options)).toContain('file=ml/late flights/millrace.config.ts,line=12')
  expect(azure(reports, options)).toContain('sourcepath=ml/late flights/millrace.config.ts;linenumber=12]')
  const places = (JSON.parse(codeQuality(reports, options)) as { location: object }[]).map(one => one.location)
  expect(places).toContainEqual({ path: 'ml/late flights/millrace.config.ts', lines: { begin: 12 } })
  expect(sarif(reports, options)).toContain('"uri": "ml/late%20flights/millrace.config.ts"')
})

const placed = check({
  status: 'fail',
  bad: 3,
  message: 'broken',
  distinctBad: [
    { value: 'a]\n##vso[b](https://example.org)', count: 2 },
    { value: 'x'.repeat(500), count: 1 },
  ],
  sample: [{ millrace_row: 0, millrace_file: 'data/a.csv', millrace_line: 62, delay: 'a' }],
  location: { file: `${root}/millrace.config.ts`, line: 12 },
})

test('annotations name the first place and a few values, short and without commands or links', () => {
  const options = { root, folder: 'ml' }
  const all = [report([placed])]
  const told = [github, azure, codeQuality, sarif].map(render => render(all, options))
  for (const text of told) {
    expect(text).toMatch(/broken \(ml\/data\/a\.csv:62, …(;|%3B) values: /)
    expect(text).not.toContain('x'.repeat(40))
    expect(text.length).toBeLessThan(2000)
  }
  expect(told[0]?.split('\n')).toHaveLength(2)
  expect(told[1]?.split('\n')).toHaveLength(2)
  expect((JSON.parse(told[3] ?? '') as { runs: [{ results: [object] }] }).runs[0].results[0]).toMatchObject({
    message: { text: expect.stringContaining(String.raw`##vso\[b\](https`) },
  })
  const row = check({ status: 'fail', bad: 1, message: 'broken', sample: [{ id: 7, delay: null }] })
  expect(github([report([row])])).toContain('::broken (row: id = 7, delay = null)\n')
  const wide = check({ ...row, sample: [Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`c${i}`, i]))] })
  expect(github([report([wide])]).length).toBeLessThan(300)
})

test('JUnit and the Markdown summary name declarations and rows from the root of the repository', () => {
  const options = { root, folder: 'ml' }
  expect(junit([report([placed])], options)).toContain(' file="ml/millrace.config.ts">')
  expect(junit([report([placed])], options)).toMatch(/at ml\/data\/a\.csv:62\ndeclared at ml\/millrace\.config\.ts:12</)
  const text = markdown([report([placed])], options)
  expect(text).toContain('<br>at ml/data/a.csv:62, …<br><sub>ml/millrace.config.ts:12</sub>')
})

test('code quality has a finding for each check that did not pass, each with a fingerprint of its own', () => {
  const findings = JSON.parse(codeQuality(reports, { root })) as Record<string, string>[]
  expect(findings.map(one => [one.check_name, one.severity])).toEqual([
    ['validation/matches', 'blocker'],
    ['validation/between', 'critical'],
    ['validation/duplicateRows', 'minor'],
  ])
  expect(new Set(findings.map(one => one.fingerprint)).size).toBe(3)
  expect(findings).toEqual(JSON.parse(codeQuality([report([broken, check(), unevaluable, warning])], { root })))
})

test('nothing from data ends or begins a command of Azure', () => {
  const message = 'a]\n##vso[task.setvariable variable=x]; 100%\r'
  const checks = [check({ status: 'fail', message }), check({ severity: 'info', status: 'fail', message })]
  const lines = azure([report(checks)])
    .trimEnd()
    .split('\n')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^##vso\[task\.logissue type=error\]/)
  expect(lines[0]).toContain('a%5D%0A##vso[task.setvariable variable=x%5D%3B 100%AZP25%0D')
  expect(lines[0]?.split(']')).toHaveLength(2)
})

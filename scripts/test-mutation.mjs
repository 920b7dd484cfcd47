// npm run test:mutation [room…] [-- --mutants 40 --seed 1 --survivors --all]
//
// Puts small faults (Stryker's mutants) into a sample of the code, room by room, runs the tests that stand in that room (and those that test/mutation.json adds), and
// prints what they noticed. A room's floor stands in that file too; a score below it ends with exit code 1.
//
// The sample is windows of lines, chosen by a digest of seed, file and place: the same code gives the same sample, and a change
// in one file moves no other. Results are kept in reports/mutation/ and only what changed is run again.
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'

const windowLines = 12
/** What a line of this code gives on average; only used to size the sample. */
const mutantsPerLine = 0.6
const reports = 'reports/mutation'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mutants: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    survivors: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  },
})
const known = JSON.parse(readFileSync('test/mutation.json', 'utf8')).rooms
const rooms = positionals.length > 0 ? positionals : Object.keys(known)
for (const room of rooms)
  if (!existsSync(`src/${room}`)) throw new Error(`No room src/${room}: ${Object.keys(known).join(', ')}`)
mkdirSync(reports, { recursive: true })
// Tests of the command line run its sources, which the faults are in; projects of theirs find the compiled package where they
// import `millrace`. What tests that were cut short leave lying goes with the folder.
const temporary = mkdtempSync(join(tmpdir(), 'millrace-mutation-'))
mkdirSync(join(temporary, 'node_modules'))
symlinkSync(resolve('.'), join(temporary, 'node_modules', 'millrace'))
process.env.TMPDIR = temporary
process.env.MILLRACE_TEST_SOURCES = '1'
process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }))

const table = []
for (const room of rooms) table.push(await measure(room))
print(table)
process.exitCode = table.some(row => row.score < row.floor) ? 1 : 0

/** One room: its sample of faults, against the tests that stand in it. */
async function measure(room) {
  const sources = readdirSync(`src/${room}`, { recursive: true })
    .map(file => join('src', room, file))
    .filter(file => file.endsWith('.ts'))
    .sort()
  const { floor = 0, tests: elsewhere = [] } = known[room] ?? {}
  const tests = [...sources.filter(file => file.endsWith('.test.ts') && !file.includes('.long.')), ...elsewhere]
  // what makes random inputs is part of the tests
  const files = sources.filter(file => !/(\.test|[/-]arbitrary)\.ts$/.test(file))
  const mutate = values.all ? files : sample(files)
  if (tests.length === 0) return { room, killed: 0, survived: 0, untested: mutate.length, score: 0, floor }
  const report = `${reports}/${room.replaceAll('/', '-')}.json`
  const stryker = new Stryker({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', './scripts/mutation-words.mjs'],
    ignorers: ['words'],
    vitest: { configFile: 'scripts/vitest.mutation.ts', related: false },
    testFiles: tests,
    mutate,
    coverageAnalysis: 'perTest',
    ignoreStatic: true,
    concurrency: 2,
    timeoutMS: 10_000,
    // all tests of a room once, on a machine that may be busy
    dryRunTimeoutMinutes: 20,
    // Stryker reads this file through an interface of TypeScript that version 7 has no more; nothing here needs it
    tsconfigFile: 'tsconfig.none.json',
    disableTypeChecks: false,
    incremental: true,
    incrementalFile: `${reports}/${room.replaceAll('/', '-')}.incremental.json`,
    reporters: ['json'],
    jsonReporter: { fileName: report },
    tempDirName: '.stryker',
    ignorePatterns: ['docs', 'web', 'bench', 'reports', '.millrace', 'test/interop/.venv*', 'dist-*'],
    logLevel: 'error',
    allowConsoleColors: false,
  })
  const results = await stryker.runMutationTest()
  // a test file that cannot be loaded would count as one that notices nothing
  const { testFiles = {} } = JSON.parse(readFileSync(report, 'utf8'))
  const missing = tests.filter(file => !testFiles[file]?.tests.length)
  if (missing.length > 0) throw new Error(`These tests did not run: ${missing.join(', ')}`)
  const of = (...states) => results.filter(({ status }) => states.includes(status)).length
  const killed = of('Killed', 'Timeout', 'RuntimeError', 'CompileError')
  const [survived, untested] = [of('Survived'), of('NoCoverage')]
  const all = killed + survived + untested
  const row = { room, killed, survived, untested, score: all === 0 ? 100 : (100 * killed) / all, floor }
  console.log(line(row))
  if (values.survivors)
    for (const mutant of results) if (['Survived', 'NoCoverage'].includes(mutant.status)) diff(mutant)
  return row
}

/** Windows of lines, in the order of their digests, until the room has about the number of mutants that was asked. */
function sample(files) {
  const windows = files.flatMap(file => {
    const lines = readFileSync(file, 'utf8').split('\n').length
    return Array.from({ length: Math.ceil(lines / windowLines) }, (_, index) => ({
      range: `${file}:${index * windowLines + 1}-${Math.min(lines, (index + 1) * windowLines)}`,
      order: createHash('sha256').update(`${values.seed}:${file}:${index}`).digest('hex'),
    }))
  })
  windows.sort((a, b) => (a.order < b.order ? -1 : 1))
  return windows.slice(0, Math.ceil(Number(values.mutants) / (windowLines * mutantsPerLine))).map(({ range }) => range)
}

/** A fault that no test noticed, as a diff of its lines. */
function diff({ fileName, location: { start, end }, replacement, status }) {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line)
  const last = lines.at(-1) ?? ''
  const mutated = (lines[0] ?? '').slice(0, start.column - 1) + (replacement ?? '') + last.slice(end.column - 1)
  console.log(
    `\n  ${fileName.replace(`${process.cwd()}/`, '')}:${start.line} ${status === 'NoCoverage' ? 'no test comes here' : 'survived'}`,
  )
  for (const text of lines.slice(0, 6)) console.log(`  - ${text.trim()}`)
  if (lines.length > 6) console.log(`  - … ${lines.length - 6} lines more`)
  for (const text of mutated.split('\n').slice(0, 3)) console.log(`  + ${text.trim()}`)
}

function line({ room, killed, survived, untested, score, floor }) {
  const figures = [killed, survived, untested].map(figure => String(figure).padStart(9)).join('')
  return `${room.padEnd(22)}${figures}${score.toFixed(0).padStart(8)} %${String(floor).padStart(7)} %${score < floor ? '  below its floor' : ''}`
}

function print(rows) {
  console.log(
    `\n${'room'.padEnd(22)}${['killed', 'survived', 'untested', 'score', 'floor'].map(word => word.padStart(9)).join('')}`,
  )
  for (const row of rows) console.log(line(row))
  writeFileSync(`${reports}/table.json`, `${JSON.stringify(rows, null, 2)}\n`)
  for (const { room, score, floor } of rows) {
    if (score >= floor + 5)
      console.log(`${room}: its floor in test/mutation.json can be raised to ${Math.floor(score)}`)
  }
}

// Writes docs/reference from the compiled package: `node scripts/make-reference.mjs`, or `--check` to compare only.
import { readFileSync, writeFileSync } from 'node:fs'
import { catalogue } from '../dist/errors/index.js'
import { kinds } from '../dist/define/expectation/index.js'
import { table } from '../dist/cli/table.js'
import { routeTable } from '../dist/server/app.js'
import { definitionsReference, expectationForms } from './definitions-reference.mjs'
import { examplesProject } from './expectation-examples.mjs'

const pages = {}
const blame = { user: 'yours', system: "Millrace's", environment: "the environment's" }
pages['errors.md'] =
  `# Errors\n\nEvery error that Millrace shows. \`npx millrace explain-error <code>\` prints one.\n\n${Object.values(
    catalogue,
  )
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map(
      one =>
        `## ${one.code} ${one.title}\n\n${one.message}\n\n*What to do:* ${one.hint}\n\nExit code ${one.exit}, HTTP status ${one.status}; the move is ${blame[one.blame]}.\n`,
    )
    .join('\n')}`

const commands = []
for (const [name, entry] of Object.entries(table)) {
  const { command } = await entry.load()
  const args = (command.arguments ?? []).map(one => (one.required ? `<${one.name}>` : `[${one.name}]`)).join(' ')
  const rows = [
    ...(command.arguments ?? []).map(one => [`\`${one.name}\``, one.description, '']),
    ...(command.options ?? []).map(one => [
      `\`${one.flags}\``,
      one.description,
      one.default === undefined ? '' : `\`${one.default}\``,
    ]),
  ]
  commands.push(
    `## millrace ${name}\n\n${command.summary[0].toUpperCase()}${command.summary.slice(1)}.\n\n\`millrace ${name}${args ? ` ${args}` : ''}\`\n${rows.length > 0 ? `\n| | | default |\n|---|---|---|\n${rows.map(row => `| ${row.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n` : ''}${command.details ? `\n${command.details.trim()}\n` : ''}`,
  )
}
pages['commands.md'] =
  `# Commands\n\nEvery verb also takes \`--json\` and \`--help\`. Exit codes: 0 ok, 1 a check or gate said no, 2 usage or configuration, 3 infrastructure.\n\n${commands.join('\n')}`

const byTag = routeTable.reduce((all, one) => all.set(one.tag, [...(all.get(one.tag) ?? []), one]), new Map())
pages['http.md'] = `# HTTP

Every route of \`npx millrace up\`, with the permission that it takes where the server asks for tokens. Bodies, queries and
answers are described by \`GET /openapi.json\`; errors are problem details (RFC 9457) with the codes of [errors](errors.md).

${[...byTag]
  .map(
    ([tag, routes]) =>
      `## ${tag}\n\n| route | permission | |\n|---|---|---|\n${routes
        .map(one => `| \`${one.method} ${one.path}\` | ${one.permission} | ${one.summary.replaceAll('|', '\\|')} |`)
        .join('\n')}\n`,
  )
  .join('\n')}`

const groups = {
  table: 'The table as a whole',
  row: 'Values of a column, row by row',
  'several columns': 'Several columns of a row',
  aggregate: 'Figures of a column',
  distribution: 'Distributions, history, leaks',
  custom: 'Your own',
}
const all = [...kinds.values()]
function formsInWords({ example }) {
  const { calls, rows } = expectationForms(/^(?:expect|c\.\w+)\.(\w+)\(/.exec(example)[1])
  const table =
    rows.length === 0 ? '' : `\n| option | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
  return `\n${calls.map(call => `\`${call}\``).join('<br>')}\n${table}`
}
pages['expectations.md'] = `# Expectations

All ${all.length} kinds. Every example is a line of [examples/expectations](../../examples/expectations/millrace.config.ts), which \`npx millrace validate orders\` runs there.
Options that all share, or all that single rows break: [definitions](definitions.md#expectations).

${Object.entries(groups)
  .map(
    ([group, title]) =>
      `## ${title}\n\n${all
        .filter(kind => kind.group === group)
        .map(
          kind =>
            `### ${kind.name}\n\n${kind.summary}\n\n\`\`\`ts\n${kind.example}\n\`\`\`\n${formsInWords(kind)}${kind.approximate ? `\nNot exact: ${kind.approximate}.\n` : ''}`,
        )
        .join('\n')}`,
  )
  .join('\n')}`
pages['../../examples/expectations/millrace.config.ts'] = examplesProject()
pages['definitions.md'] = definitionsReference()

let stale = false
for (const [name, text] of Object.entries(pages)) {
  const path = new URL(`../docs/reference/${name}`, import.meta.url)
  if (process.argv.includes('--check')) {
    let before = ''
    try {
      before = readFileSync(path, 'utf8')
    } catch {}
    if (before !== text) {
      console.error(`docs/reference/${name} is stale: run "npm run reference"`)
      stale = true
    }
  } else writeFileSync(path, text)
}
process.exitCode = stale ? 1 : 0

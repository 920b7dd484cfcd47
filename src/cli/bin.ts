#!/usr/bin/env node
import { packageVersion } from '../internal/package-version.ts'
import { groupHelp, overview } from './help.ts'
import { bearLostOutputs } from './outputs.ts'
import { table } from './table.ts'

const version = packageVersion()

bearLostOutputs()

const words = process.argv.slice(2)
const [first, second] = words
const verb = [`${first} ${second}`, String(first)].find(name => Object.hasOwn(table, name))

if (first === undefined || first === '--help' || first === '-h' || (first === 'help' && second === undefined))
  process.stdout.write(overview(version))
else if (first === '--version' || first === '-V') process.stdout.write(`${version}\n`)
else if (verb === undefined && groupHelp(first) && (second === undefined || second.startsWith('-')))
  process.stdout.write(groupHelp(first) as string)
else {
  const { main } = await import('./main.ts')
  await main(verb, first === 'help' ? [...words.slice(1), '--help'] : words, version)
}

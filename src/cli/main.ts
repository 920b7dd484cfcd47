import type { Command as Verb, Invocation } from './command.ts'
import { createOutput } from './output.ts'
import { outputsWritten } from './outputs.ts'
import { catalogue, fail, isMillraceError, type MillraceError } from '../errors/index.ts'
import { describeFailure } from './failure.ts'
import { nearestVerb } from './help.ts'
import { table } from './table.ts'

function verbOf(words: readonly string[]): string | undefined {
  return [words.slice(0, 2).join(' '), words[0] ?? ''].find(name => Object.hasOwn(table, name))
}

function unknown(words: readonly string[]): MillraceError {
  const given = words.filter(word => !word.startsWith('-'))
  const near = nearestVerb(given)
  const group = Object.keys(table).some(verb => verb.startsWith(`${given[0]} `))
  return fail('verbUnknown', {
    verb: group ? given.slice(0, 2).join(' ') : (given[0] ?? ''),
    suggestion: near
      ? `Did you mean "millrace ${near}"? "millrace --help" lists all commands.`
      : '"millrace --help" lists all commands.',
  })
}

/** Reads arguments and options as the verb declares them. Undefined when help was printed instead. */
async function parse(name: string, command: Verb, words: readonly string[]): Promise<Invocation | undefined> {
  const { Command, CommanderError } = await import('commander')
  const program = new Command(`millrace ${name}`)
    .description(command.summary)
    .option('--json', 'print one JSON value')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .showHelpAfterError(false)
  for (const { name: argument, description, required, variadic } of command.arguments ?? []) {
    const inner = `${argument}${variadic ? '...' : ''}`
    program.argument(required ? `<${inner}>` : `[${inner}]`, description)
  }
  for (const option of command.options ?? [])
    program.option(option.flags, option.description, option.default as string | boolean | undefined)
  if (command.details) program.addHelpText('after', `\n${command.details}`)
  try {
    program.parse([...words], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw fail('usageWrong', { reason: sentence(error.message), verb: name })
  }
  const options = program.opts<Record<string, string | boolean | string[]>>()
  return {
    args: program.args,
    options,
    cwd: process.cwd(),
    out: createOutput(options.json === true),
  }
}

function sentence(text: string): string {
  const plain = text.replace(/^error: /, '')
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}${/[.?)]$/.test(plain) ? '' : '.'}`
}

function interrupted(resumable: boolean): MillraceError {
  return fail('interrupted', {
    next: resumable
      ? 'What was finished is kept. An unfinished run goes on with "millrace runs resume <run>"; "millrace runs list" shows it.'
      : 'Run the command again.',
  })
}

/** Who finds an option wrong need not know whose it is: the hint names the verb that was called. */
function namingVerb(error: unknown, verb: string): unknown {
  return isMillraceError(error) && error.code === catalogue.usageWrong.code && error.details.verb === ''
    ? fail('usageWrong', { ...error.details, verb }, error)
    : error
}

async function leave(code: number): Promise<never> {
  process.exit((await outputsWritten()) ? code : 3)
}

/** Runs one verb and ends the process with its exit code. */
export async function main(found: string | undefined, words: readonly string[], version: string): Promise<void> {
  const verb = found ?? verbOf(words)
  const json = words.includes('--json')
  const told = async (error: unknown): Promise<never> => {
    const failed = describeFailure(error, verb ?? '', process.cwd(), version)
    if (json) process.stdout.write(`${JSON.stringify(failed.json, null, 2)}\n`)
    else process.stderr.write(failed.text)
    return leave(failed.exit)
  }
  process.on('uncaughtException', error => void told(error))
  process.on('unhandledRejection', error => void told(error))
  let resumable = false
  // Finished work is in the store already; a command that ends in its own way (up) takes these listeners away
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      if (process.stderr.isTTY && !json) process.stderr.write('\r\u001b[2K')
      void told(interrupted(resumable)).catch(() => process.exit(130))
    })
  try {
    if (verb === undefined) throw unknown(words)
    const { command } = await load(verb)
    resumable = command.resumable === true
    const invocation = await parse(verb, command, words.slice(verb.split(' ').length))
    if (invocation === undefined) return await leave(0)
    await leave((await command.run(invocation)) ?? 0)
  } catch (error) {
    await told(namingVerb(error, verb ?? ''))
  }
}

async function load(verb: string): Promise<{ readonly command: Verb }> {
  const entry = table[verb]
  if (!entry) throw unknown([verb])
  return entry.load()
}

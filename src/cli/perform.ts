import type { Command as Verb, Invocation } from './command.ts'
import { createOutput } from './output.ts'
import { fail, isMillraceError, type MillraceError } from '../errors/index.ts'
import { describeFailure } from './failure.ts'
import { nearestVerb } from './help.ts'
import { table } from './table.ts'

/** The words of one call of the command line, and where it was called. */
export interface Call {
  /** Undefined where the words name none. */
  readonly verb: string | undefined
  readonly words: readonly string[]
  readonly cwd: string
  readonly version: string
}

export function verbOf(words: readonly string[]): string | undefined {
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
async function parse(
  name: string,
  command: Verb,
  words: readonly string[],
  cwd: string,
): Promise<Invocation | undefined> {
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
  for (const option of program.options) checkChoice(name, option, command, options[option.attributeName()])
  const given = program.options.filter(one => program.getOptionValueSource(one.attributeName()) === 'cli')
  checkTogether(name, command, new Set(given.map(one => one.long ?? one.flags)))
  return {
    args: program.args,
    options,
    cwd,
    out: createOutput(options.json === true),
  }
}

/** Refuses a word that is none of those which an option takes. */
function checkChoice(
  verb: string,
  { flags, long }: { flags: string; long?: string },
  command: Verb,
  given: unknown,
): void {
  const { choices, list } = command.options?.find(one => one.flags === flags) ?? {}
  if (choices === undefined || typeof given !== 'string') return
  const wrong = (list ? given.split(',') : [given]).find(word => !choices.includes(word))
  if (wrong === undefined) return
  const reason = `${long ?? flags} takes ${list ? 'one or more' : 'one'} of ${choices.join(', ')}, not "${wrong}".`
  throw fail('usageWrong', { reason, verb })
}

/** Refuses an option that changes nothing beside the others. */
function checkTogether(verb: string, { options = [] }: Verb, given: ReadonlySet<string>): void {
  for (const { flags, onlyWith, notWith } of options) {
    const flag = flags.split(' ')[0] as string
    if (!given.has(flag)) continue
    if (onlyWith !== undefined && !given.has(onlyWith))
      throw fail('usageWrong', { reason: `${flag} changes nothing without ${onlyWith}.`, verb })
    if (notWith !== undefined && given.has(notWith))
      throw fail('usageWrong', { reason: `${flag} changes nothing with ${notWith}.`, verb })
  }
}

function sentence(text: string): string {
  const plain = text.replace(/^error: /, '')
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}${/[.?)]$/.test(plain) ? '' : '.'}`
}

/** What an option's own reader refused, with the verb to look up: the reader does not know it. */
function ofVerb(error: unknown, verb: string): unknown {
  if (!isMillraceError(error) || error.code !== fail('usageWrong').code || error.details.verb !== '') return error
  return fail('usageWrong', { ...error.details, verb }, error)
}

async function load(verb: string): Promise<{ readonly command: Verb }> {
  const entry = table[verb]
  if (!entry) throw unknown([verb])
  return entry.load()
}

/** Tells a failure, as JSON on stdout where that was asked for, else on stderr; gives the exit code. */
export function tellFailure(error: unknown, { verb, words, cwd, version }: Call): number {
  const failed = describeFailure(error, verb ?? '', cwd, version)
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify(failed.json, null, 2)}\n`)
  else process.stderr.write(failed.text)
  return failed.exit
}

/** Runs one verb in this process, tells what fails, and gives the exit code. `loaded` hears which verb it is before it runs. */
export async function perform(call: Call, loaded: (command: Verb) => void = () => undefined): Promise<number> {
  const { verb, words, cwd } = call
  try {
    if (verb === undefined) throw unknown(words)
    const { command } = await load(verb)
    loaded(command)
    const invocation = await parse(verb, command, words.slice(verb.split(' ').length), cwd)
    return invocation === undefined ? 0 : ((await command.run(invocation)) ?? 0)
  } catch (error) {
    return tellFailure(ofVerb(error, verb ?? ''), call)
  }
}

/** One argument by position. */
export interface ArgumentSpec {
  readonly name: string
  readonly description: string
  readonly required?: boolean
  readonly variadic?: boolean
}

/** One option, in commander's notation: `--port <number>`. */
export interface OptionSpec {
  readonly flags: string
  readonly description: string
  readonly default?: string | boolean | number
  /** The only words that it takes; several of them with commas where `list` says so. Anything else is refused. */
  readonly choices?: readonly string[]
  readonly list?: boolean
  /** The flag without which it changes nothing, and one with which it does not: refused then. */
  readonly onlyWith?: string
  readonly notWith?: string
}

/** Where a command writes. Results go to stdout, everything for people on the way to stderr. */
export interface Output {
  /** True when `--json` was asked for: print one JSON value with `data` and nothing else on stdout. */
  readonly json: boolean
  /** A line of the result for people; nothing with `--json`. */
  line(text?: string): void
  /** The result as one JSON value; nothing without `--json`. */
  data(value: unknown): void
  /** One of many results, each a line of JSON; nothing without `--json`. For what goes on. */
  entry(value: unknown): void
  /** Aligned columns for people; nothing with `--json`. */
  table(head: readonly string[], rows: readonly (readonly (string | number | undefined | null)[])[]): void
  /** Progress and remarks, on stderr; silent with `--json`. */
  note(text: string): void
  /** What must be known although the work is done; on stderr, always. */
  warn(text: string): void
}

export interface Invocation {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | string[] | undefined>>
  /** Folder that the command was called in. */
  readonly cwd: string
  readonly out: Output
}

/** A verb of the command line; one file a verb under `commands/`. `--json` and `--help` are everywhere. */
export interface Command {
  readonly summary: string
  /** Further help, printed below the options: what it does, an example. */
  readonly details?: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: readonly OptionSpec[]
  /** Whether it makes a run that can be gone on with after an interruption (default: no). */
  readonly resumable?: boolean
  /** Gives the exit code: 0 ok (default), 1 a check or gate said no, 2 usage, 3 infrastructure. */
  run(invocation: Invocation): Promise<number | undefined | void>
}

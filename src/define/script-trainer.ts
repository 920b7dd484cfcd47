import { refuse } from './named.ts'
import type { Digest } from '../internal/digest.ts'
import { micros, type Duration, type Micros } from '../internal/time.ts'
import {
  builder,
  duration,
  listOf,
  members,
  oneOf,
  optional,
  text,
  variableName,
  type Form,
  type Forms,
} from './forms.ts'

/** How alike two trainings on the same frame are: to the byte, in their scores, or not at all. */
export type Reproducible = 'bitwise' | 'tolerance' | 'none'

export interface ProgramOptions {
  /** What the program is told besides, in `params.json`, as `--name value` and as SageMaker's `SM_HP_NAME`. */
  readonly params?: Readonly<Record<string, string | number | boolean>>
  /** Further files and folders that it reads, below the project. They are part of what is trained: a change trains anew. */
  readonly files?: readonly string[]
  /** Ends it after that long (default 1 day). */
  readonly timeout?: Duration
  /** Names of environment variables that it may see. Their values are not part of what is trained. */
  readonly env?: readonly string[]
  /** What `reproduce` holds it to (default `tolerance`: the same scores). */
  readonly reproducible?: Reproducible
}

export interface PythonOptions extends ProgramOptions {
  /** Requirements with a hash for every file, as `pip-compile --generate-hashes` or `uv pip compile` write them. */
  readonly lock: string
  /** The Python that the environment is made with (default `python3`). */
  readonly python?: string
}

export interface ContainerOptions extends Omit<ProgramOptions, 'files'> {
  /** Program and arguments within the image (default: those of the image). */
  readonly command?: readonly string[]
}

interface Program {
  readonly params: Readonly<Record<string, string | number | boolean>>
  readonly files: readonly string[]
  readonly timeout: Micros
  readonly env: readonly string[]
  readonly reproducible: Reproducible
}

/** A program of any kind that trains by the step contract: `docs/reference/step-contract.md`. */
export type ProgramTrainer = Program &
  (
    | { readonly kind: 'python'; readonly script: string; readonly lock: string; readonly python: string }
    | { readonly kind: 'typescript'; readonly script: string }
    | { readonly kind: 'command'; readonly argv: readonly string[] }
    | { readonly kind: 'container'; readonly image: string; readonly argv: readonly string[] }
  )

export interface OnnxOptions {
  /** The inputs of the model that each input of the graph takes, in the order of its columns (default: by their names). */
  readonly inputs?: Readonly<Record<string, string | readonly string[]>>
  /** Which output has the scores (default: the one there is). */
  readonly output?: string
  /**
   * Rows with what the file answers to them, as Parquet, CSV or JSON lines: the model's inputs by name, beside them `score`, or a
   * column for each class (default: nothing is known of its answers but that they are its own).
   */
  readonly expected?: string
}

/** A model that was made elsewhere: nothing is trained, everything after it is as for any other. */
export interface OnnxTrainer extends OnnxOptions {
  readonly kind: 'onnx'
  readonly file: string
  /** Where the files were imported: what is in the artifact store counts, and their names are only names. */
  readonly kept?: { readonly file: Digest; readonly expected?: Digest }
}

const scalar = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
const paramsForm: Form = {
  words: 'an object of texts, finite numbers, true and false, by names of letters, digits, - and _',
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([name, one]) => /^[A-Za-z_][\w-]*$/.test(name) && scalar(one)),
}
/** A path that cannot lead out of the project. */
const path: Form = {
  words: 'a path below the project, such as train/train.py',
  holds: value =>
    typeof value === 'string' &&
    value !== '' &&
    !value.startsWith('/') &&
    !/[\0\\]/.test(value) &&
    !value.split('/').includes('..'),
}

const programForms: Forms<ProgramOptions> = {
  params: optional(paramsForm),
  files: optional(listOf(path)),
  timeout: optional(duration),
  env: optional(listOf(variableName)),
  reproducible: optional(oneOf('bitwise', 'tolerance', 'none')),
}

function programOf({
  params = {},
  files = [],
  timeout = '1d',
  env = [],
  reproducible = 'tolerance',
}: ProgramOptions): Program {
  return { params, files, timeout: micros(timeout), env, reproducible }
}

/**
 * A Python script in an environment of its own, made from its lock file. It reads `params.json` and Parquet, and writes
 * `model.onnx`: `python('train/train.py', { lock: 'train/requirements.lock', params: { depth: 4 } })`.
 */
export const python = builder(
  'trainer',
  { script: path, options: members<PythonOptions>({ lock: path, python: optional(text), ...programForms }) },
  (script: string, { lock, python: program = 'python3', ...options }: PythonOptions): ProgramTrainer => ({
    kind: 'python',
    script,
    lock,
    python: program,
    ...programOf(options),
  }),
  'python',
)

/** A TypeScript module whose default export trains by the same contract: `export default async ({ params, inputs, outputs }) => …`. */
export const typescript = builder(
  'trainer',
  { script: path, options: optional(members(programForms)) },
  (script: string, options: ProgramOptions = {}): ProgramTrainer => ({
    kind: 'typescript',
    script,
    ...programOf(options),
  }),
  'typescript',
)

/** Any program of this machine, by its arguments and never through a shell: `command(['Rscript', 'train.R'], { files: ['train.R'] })`. */
export const command = builder(
  'trainer',
  { argv: listOf(text, 1), options: optional(members(programForms)) },
  (argv: readonly string[], options: ProgramOptions = {}): ProgramTrainer => ({
    kind: 'command',
    argv,
    ...programOf(options),
  }),
  'command',
)

/** An image that trains by the same contract, by podman or docker; without a network, unless the `run` of the project names one. */
export const container = builder(
  'trainer',
  {
    image: text,
    options: optional(
      members<ContainerOptions>({
        command: optional(listOf(text, 1)),
        params: programForms.params,
        timeout: programForms.timeout,
        env: programForms.env,
        reproducible: programForms.reproducible,
      }),
    ),
  },
  (image: string, { command: argv = [], ...options }: ContainerOptions = {}): ProgramTrainer => ({
    kind: 'container',
    image,
    argv,
    ...programOf(options),
  }),
  'container',
)

const feeds: Form = {
  words: "an object with the inputs of the model by the inputs of the graph, such as { x: ['bill', 'mass'] }",
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(
      one => text.holds(one) || (Array.isArray(one) && one.length > 0 && one.every(text.holds)),
    ),
}

/** A model that was made elsewhere: `onnx('models/scorer.onnx', { inputs: { x: ['bill', 'mass'] } })`. */
export const onnx = builder(
  'trainer',
  {
    file: path,
    options: optional(
      members<OnnxOptions>({ inputs: optional(feeds), output: optional(text), expected: optional(path) }),
    ),
  },
  (file: string, options: OnnxOptions = {}): OnnxTrainer => ({ kind: 'onnx', file, ...options }),
  'onnx',
)

/** What may be said of a file that is imported, for whoever reads it from a command line. */
export const feedsForm = feeds

/** Names of a model's inputs that an imported graph is fed with and the model does not have. */
export function checkFeeds(model: string, { inputs = {} }: OnnxTrainer, names: readonly string[]): void {
  const stranger = Object.values(inputs)
    .flat()
    .find(one => !names.includes(one))
  if (stranger !== undefined) refuse('model', model, `onnx feeds '${stranger}', which is no input: ${names.join(', ')}`)
}

/** The files below the project that a trainer reads: what it trains with is in them. */
export function filesOfTrainer(trainer: { readonly kind: string }): readonly string[] {
  const one = trainer as ProgramTrainer | OnnxTrainer
  switch (one.kind) {
    case 'python':
      return [one.script, one.lock, ...one.files]
    case 'typescript':
      return [one.script, ...one.files]
    case 'command':
    case 'container':
      return one.files
    case 'onnx':
      return one.kept ? [] : [one.file, ...(one.expected === undefined ? [] : [one.expected])]
    default:
      return []
  }
}

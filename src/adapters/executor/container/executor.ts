import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail } from '../../../errors/index.ts'
import { userFlags } from '../../../internal/container-user.ts'
import type { Executor, StepHandle, StepJob, StepOutcome } from '../../../ports/executor.ts'
import { processExecutor } from '../process/executor.ts'

/** A folder of this machine that has another name in the image. */
export interface PathInImage {
  readonly here: string
  readonly inside: string
}

export interface ContainerExecutorOptions {
  /** Name, tag or digest of the image. */
  readonly image: string
  /** `podman` (default), `docker`, or a path to either. */
  readonly program?: string
  /** Flags before `run`: storage, runtime. */
  readonly globalFlags?: readonly string[]
  /** Further flags of `run`: limits, devices. */
  readonly runFlags?: readonly string[]
  /** `none` (default), `host`, or the name of a network. */
  readonly network?: string
  /** Folders that steps read, at the same place in the container: the artifact store. */
  readonly mounts: readonly string[]
  /** Where code of this machine lies in the image: the project's folder, Millrace's. */
  readonly paths: readonly PathInImage[]
  /** Node.js in the image. Default `/usr/local/bin/node`. */
  readonly node?: string
}

/** The longest match counts, so that a package within the project may have its own place. */
export function insideImage(path: string, paths: readonly PathInImage[]): string {
  const found = paths
    .filter(({ here }) => path === here || path.startsWith(`${here}/`))
    .sort((a, b) => b.here.length - a.here.length)[0]
  return found === undefined ? path : found.inside + path.slice(found.here.length)
}

interface StepText {
  readonly module: { readonly file: string }
  readonly artifacts: { readonly module: string }
  readonly moduleCache: string
}

/** The step's file with the image's paths to code. It lies over the original in the container only. */
async function stepInside(job: StepJob, paths: readonly PathInImage[]): Promise<string> {
  const step = JSON.parse(await readFile(join(job.folder, 'input', 'config', 'step.json'), 'utf8')) as StepText
  const file = join(job.folder, 'container', 'step.json')
  const store = insideImage(decodeURIComponent(new URL(step.artifacts.module).pathname), paths)
  const inside = {
    ...step,
    module: { ...step.module, file: insideImage(step.module.file, paths) },
    artifacts: { ...step.artifacts, module: pathToFileURL(store).href },
    moduleCache: '/tmp/modules',
  }
  await mkdir(join(job.folder, 'container'), { recursive: true })
  await writeFile(file, JSON.stringify(inside))
  return file
}

/** `docker` and `podman` take the same flags. Values of variables come from the client's environment, not its arguments. */
export async function containerArguments(
  job: StepJob,
  name: string,
  options: ContainerExecutorOptions,
): Promise<readonly string[]> {
  const { image, program = 'podman', network = 'none', node = '/usr/local/bin/node' } = options
  // What is mounted keeps its place, also where it lies within a folder that has another place in the image
  const mounted = [job.folder, ...options.mounts]
  const paths = [...options.paths, ...mounted.map(folder => ({ here: folder, inside: folder }))]
  const step = await stepInside(job, paths)
  const [, ...rest] = job.argv
  const volumes = mounted.flatMap(folder => ['--volume', `${folder}:${folder}:rw`])
  // With the machine's own process numbers and name, a step's claim of its folder means here what it means inside.
  const flags = [
    'run',
    '--rm',
    '--name',
    name,
    '--pull',
    'never',
    '--pid',
    'host',
    '--uts',
    'host',
    '--network',
    network,
  ]
  flags.push('--read-only', '--tmpfs', '/tmp', '--cap-drop', 'all', '--security-opt', 'no-new-privileges')
  flags.push('--volume', `${step}:${join(job.folder, 'input', 'config', 'step.json')}:ro`, '--workdir', job.cwd)
  flags.push('--entrypoint', node)
  return [
    program,
    ...(options.globalFlags ?? []),
    ...flags,
    ...userFlags(program),
    ...volumes,
    ...Object.keys(job.env).flatMap(variable => ['--env', variable]),
    ...(options.runFlags ?? []),
    image,
    ...rest.map(argument => insideImage(argument, paths)),
  ]
}

/** Whether the program could do it, and its last line when it could not. */
function ask(program: string, args: readonly string[]): Promise<{ failed: boolean; said: string }> {
  return new Promise(resolve => {
    execFile(program, args, (error, _out, said) =>
      resolve({ failed: error !== null, said: said.trim().split('\n').at(-1) || (error?.message ?? '') }),
    )
  })
}

/** Exit code of docker and podman themselves, when the container did not even begin: worth another try. */
const runtimeFailed = 125

/**
 * Steps in containers of one image, through podman or docker. The run folder and the artifact store are mounted at their
 * own places, the code is the image's. Needs podman 4 or docker 20 and an image that is on this machine.
 */
export function containerExecutor(options: ContainerExecutorOptions): Executor {
  const inner = processExecutor()
  const program = options.program ?? 'podman'

  /** The client may be gone while its container still works. A container that is gone too is what we want. */
  const remove = (name: string): Promise<void> =>
    new Promise(resolve => {
      execFile(program, [...(options.globalFlags ?? []), 'rm', '--force', name], () => resolve())
    })

  return {
    name: 'container',

    async check() {
      const flags = options.globalFlags ?? []
      const version = await ask(program, [...flags, '--version'])
      if (version.failed) throw fail('containerRuntime', { program, reason: version.said })
      const image = await ask(program, [...flags, 'image', 'inspect', '--format', '{{.Id}}', options.image])
      if (image.failed) throw fail('containerImage', { image: options.image, program, reason: image.said })
    },

    async start(job: StepJob): Promise<StepHandle> {
      const name = `millrace-${job.runId}-${job.step}-${job.attempt}`.toLowerCase().replace(/[^a-z0-9_.-]/g, '-')
      let handle: StepHandle
      try {
        handle = await inner.start({ ...job, argv: await containerArguments(job, name, options) })
      } catch (error) {
        throw fail('containerRuntime', { program, reason: (error as Error).message }, error)
      }
      const outcome = handle.outcome.then(async (end): Promise<StepOutcome> => {
        if (end.signal !== undefined || end.timedOut) await remove(name)
        if (end.exitCode === runtimeFailed) return { ...end, exitCode: 75 }
        // A client that is stopped before its container began ends with 0, as if the step had done its work
        return end.timedOut && end.exitCode === 0 ? { ...end, exitCode: 143 } : end
      })
      return {
        identity: handle.identity,
        outcome,
        kill(signal = 'SIGTERM') {
          handle.kill(signal)
          if (signal === 'SIGKILL') void remove(name)
        },
      }
    },

    alive: identity => inner.alive(identity),
    kill: identity => inner.kill(identity),
  }
}

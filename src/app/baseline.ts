import { git } from '../config/git.ts'
import { loadProject } from '../config/load.ts'
import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { restsOnMore } from '../define/expectation/index.ts'
import type { ExpectationSpec } from '../define/expectation/spec.ts'
import type { FeatureView } from '../define/features.ts'
import type { Project } from '../define/project.ts'
import type { Report } from '../define/report.ts'
import { isTable } from '../define/source.ts'
import { fail } from '../errors/index.ts'
import { digestJson, shortDigest } from '../internal/digest.ts'
import type { Json } from '../internal/canonical-json.ts'
import { validationServices } from '../stages/pipeline/validation.ts'
import { presentFiles, type SourceFile } from '../stages/validate/files.ts'
import { validate } from '../stages/validate/validate.ts'
import { snapshotCalled } from './snapshots.ts'
import { checkOut, sharePackages, type Worktree } from './worktree.ts'

/** What a dataset is compared with. */
export interface Baseline {
  /** For people: `origin/main (3f2c1a9b0d4e)`. */
  readonly words: string
  /** Its report then; undefined where it was not declared. */
  reportOf(dataset: Dataset): Promise<Report | undefined>
  /** Expectations whose verdict can be another than then; all of them where its data may be other. */
  changed(dataset: Dataset): Promise<readonly ExpectationSpec[]>
  close(): Promise<void>
}

/** The base of the pull request that a CI system runs for, as git may know it; undefined outside of one. */
export function pullRequestBase(env: NodeJS.ProcessEnv): string | undefined {
  const target =
    env.GITHUB_BASE_REF || env.CHANGE_TARGET || env.SYSTEM_PULLREQUEST_TARGETBRANCH?.replace('refs/heads/', '')
  return env.CI_MERGE_REQUEST_DIFF_BASE_SHA || (target ? `origin/${target}` : undefined)
}

/** Whether a CI system runs this: what it checked out is its last commit, so nothing changed since. */
export function inCi({ CI, TF_BUILD, JENKINS_URL }: NodeJS.ProcessEnv): boolean {
  return Boolean((CI !== 'false' && CI) || TF_BUILD || JENKINS_URL)
}

/** A snapshot's own report. Expectations of then are not on record: everything counts as changed. */
async function snapshotBaseline(workspace: Workspace, given: string): Promise<Baseline | undefined> {
  const found = await snapshotCalled(workspace, given)
  const report = found?.made.outputs?.report
  if (!found || !report) return undefined
  return {
    words: `snapshot ${shortDigest(found.digest)}`,
    reportOf: async one =>
      one.name === found.dataset.name
        ? (JSON.parse(Buffer.from(await workspace.artifacts.get(report.digest)).toString()) as Report)
        : undefined,
    changed: async one => one.expectations,
    close: async () => {},
  }
}

/** A declaration without the line that it stands on. */
const declaration = ({ site: _, ...spec }: ExpectationSpec): string => digestJson(spec as unknown as Json)

const contents = (files: readonly SourceFile[]): string => digestJson(files.map(file => file.digest).toSorted())

/** Whether rows may be others, or be read in another way. */
async function dataMayDiffer(then: Dataset, thenFiles: readonly SourceFile[], now: Dataset, root: string) {
  const reading = ({ source, columns, treatAsNull }: Dataset) =>
    digestJson([source, columns, treatAsNull] as unknown as Json)
  // what git does not have, it cannot have seen change
  if (isTable(now.source) || thenFiles.length === 0 || reading(then) !== reading(now)) return true
  return contents(thenFiles) !== contents(await presentFiles(now, root))
}

function commitBaseline(workspace: Workspace, tree: Worktree, project: Project, words: string): Baseline {
  const { root } = workspace
  /** Files of then, where they are in git. */
  const filesOf = (then: Dataset) => (isTable(then.source) ? Promise.resolve([]) : presentFiles(then, tree.root))
  return {
    words,
    async reportOf({ name }) {
      const then = project.datasets.get(name)
      if (!then) return undefined
      const services = await validationServices(workspace, then)
      const files = await filesOf(then)
      const { script } = workspace.userCode
      const { report, release } = await validate(
        { ...services, ...(files.length > 0 ? { root: tree.root } : {}), userCode: { script, root: tree.root } },
        then,
      )
      await release()
      return report
    },
    async changed(now) {
      const then = project.datasets.get(now.name)
      if (!then || (await dataMayDiffer(then, await filesOf(then), now, root))) return now.expectations
      const known = new Set(then.expectations.map(declaration))
      return now.expectations.filter(spec => restsOnMore(spec) || !known.has(declaration(spec)))
    },
    close: () => tree.remove(),
  }
}

/** The project at a commit, branch or tag, to read its definitions. Remove the tree. Throws `baselineUnknown`. */
async function projectAt(root: string, given: string): Promise<{ tree: Worktree; project: Project; words: string }> {
  const unknown = (reason: string) => fail('baselineUnknown', { ref: given, reason })
  if (given.startsWith('-')) throw unknown('it is no name')
  const commit = (await git(root, 'rev-parse', '--verify', '--end-of-options', `${given}^{commit}`))?.trim()
  if (!commit) throw unknown('it is neither a commit of this repository nor a snapshot of a dataset')
  const tree = await checkOut(root, commit)
  if (!tree) throw unknown('git cannot check it out')
  try {
    sharePackages(root, tree)
    return { tree, project: await loadProject(tree.root), words: `${given} (${commit.slice(0, 12)})` }
  } catch (error) {
    await tree.remove()
    throw error
  }
}

/** The feature views that the project declared at a commit, branch or tag. Throws `baselineUnknown`. */
export async function viewsAt(
  { root }: Pick<Workspace, 'root'>,
  ref: string,
): Promise<{ readonly views: ReadonlyMap<string, FeatureView>; readonly words: string }> {
  const { tree, project, words } = await projectAt(root, ref)
  await tree.remove()
  return { views: project.views, words }
}

/**
 * Opens what to compare with: a snapshot by its digest, or the project at a commit, branch or tag: its expectations then on
 * its data then, where git has the data; else on the data as they are. Close it. Throws `baselineUnknown`.
 */
export async function openBaseline(workspace: Workspace, given: string): Promise<Baseline> {
  const snapshot = await snapshotBaseline(workspace, given)
  if (snapshot) return snapshot
  const { tree, project, words } = await projectAt(workspace.root, given)
  return commitBaseline(workspace, tree, project, words)
}

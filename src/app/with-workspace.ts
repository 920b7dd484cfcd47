import { openWorkspace, type Workspace, type WorkspaceOptions } from '../config/workspace.ts'

/** Opens the project at or above a folder for the length of `work`. */
export async function withWorkspace<T>(
  cwd: string,
  work: (workspace: Workspace) => Promise<T>,
  options: WorkspaceOptions = {},
): Promise<T> {
  const workspace = await openWorkspace(cwd, options)
  try {
    return await work(workspace)
  } finally {
    await workspace.close()
  }
}

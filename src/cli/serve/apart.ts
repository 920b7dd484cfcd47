import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jobProcess } from '../../config/state-folder.ts'
import type { Workspace } from '../../config/workspace.ts'
import type { StepHandle } from '../../ports/executor.ts'

/** Runs verbs of this command line in processes of their own, so that answers never wait for them. */
export interface Apart {
  start(name: string, words: readonly string[]): Promise<StepHandle>
  /** Ends what still runs; training runs among it are taken up by the next server. */
  close(): Promise<void>
}

export function runApart(workspace: Pick<Workspace, 'root' | 'folder' | 'processes'>): Apart {
  const running = new Set<StepHandle>()
  return {
    async start(name, words) {
      const folder = join(workspace.folder, 'jobs', name)
      const handle = await workspace.processes.start({
        runId: name,
        step: words.slice(0, 2).join(' '),
        attempt: 1,
        cwd: workspace.root,
        folder,
        argv: [process.execPath, fileURLToPath(new URL('../bin.js', import.meta.url)), ...words],
        // The same program on the same project: it needs what this process has
        env: Object.fromEntries(
          Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
        ),
      })
      running.add(handle)
      // Without it the folder counts as used for a while longer
      await writeFile(join(folder, jobProcess), JSON.stringify(handle.identity), { mode: 0o600 }).catch(() => undefined)
      void handle.outcome.finally(() => running.delete(handle))
      return handle
    },
    async close() {
      const all = [...running]
      for (const handle of all) handle.kill('SIGTERM')
      await Promise.all(all.map(handle => handle.outcome))
    },
  }
}

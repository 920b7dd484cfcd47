import { cp, rm } from 'node:fs/promises'

/**
 * A copy of a project's folder. A database that was closed removes its log and the index of it a moment later, in the midst of
 * a copy: then the copy is made anew.
 */
export async function copyProject(from: string, to: string): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      return await cp(from, to, { recursive: true, filter: path => !path.endsWith('-shm') })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 20) throw error
      await rm(to, { recursive: true, force: true })
      await new Promise(done => setTimeout(done, 50))
    }
}

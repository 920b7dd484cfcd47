import { open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder, syncFolder } from '../../../internal/publish.ts'
import { type AnchorPlace, type AnchorRecord, readAnchored } from './anchor.ts'

/** The anchors of one log among lines that may be of several. A line that a crash cut was never acknowledged. */
export function anchoredIn(text: string, log: string, path: string): readonly AnchorRecord[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line, i) => {
      if (line.trim() === '') return []
      try {
        const anchored = readAnchored(line)
        return anchored.current.log === log ? [anchored] : []
      } catch (error) {
        throw new Error(`line ${i + 1} of ${path} is no anchor`, { cause: error })
      }
    })
}

/** In a file of its own, one line a checkpoint: on another disk, or where a process outside may take it from. */
export function anchorsInFile(path: string, log: string, shown = path): AnchorPlace {
  const text = (): Promise<string> =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
  return {
    name: `the file ${shown}`,
    async read() {
      return anchoredIn(await text(), log, shown).at(-1)
    },
    async write(anchored) {
      await makeFolder(dirname(path), 0o700)
      const before = await text()
      const file = await open(path, 'a', 0o600)
      try {
        // What a crash cut ends its line: the next one stands for itself
        const torn = before !== '' && !before.endsWith('\n')
        if (torn) await file.truncate(Buffer.byteLength(before.slice(0, before.lastIndexOf('\n') + 1)))
        await file.appendFile(`${JSON.stringify(anchored)}\n`)
        await file.datasync()
      } finally {
        await file.close()
      }
      if (before === '') await syncFolder(dirname(path))
    },
  }
}

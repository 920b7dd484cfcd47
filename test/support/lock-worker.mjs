/**
 * `node lock-worker.mjs <dist> <folder> <turns> <deaths>`: takes the lock again and again, writes what would show a second
 * holder, adds one to a counter, and dies by SIGKILL within the lock in a share `deaths` of its turns.
 */
import { openSync, closeSync, readFileSync, unlinkSync, writeFileSync, appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', folder = '', turns = '0', deaths = '0'] = process.argv.slice(2)
const { withFileLock } = await import(pathToFileURL(join(dist, 'internal/file-lock.js')).href)
const lock = join(folder, 'l.lock')
const inside = join(folder, 'inside')
const counter = join(folder, 'counter')
const say = text => appendFileSync(join(folder, 'said'), `${text}\n`)
const dying = 'dying'

for (let turn = 0; turn < Number(turns); turn++) {
  await withFileLock(
    lock,
    holder => new Error(`busy: ${holder.pid}`),
    async () => {
      try {
        closeSync(openSync(inside, 'wx'))
      } catch {
        // A holder that died within left it; a living one must not be there
        const other = readFileSync(inside, 'utf8')
        if (other !== dying) say(`two: ${process.pid} and ${other}`)
      }
      writeFileSync(inside, String(process.pid))
      const before = Number(readFileSync(counter, 'utf8'))
      await new Promise(next => setTimeout(next, Math.random() * 3))
      if (Math.random() < Number(deaths)) {
        writeFileSync(inside, dying)
        process.kill(process.pid, 'SIGKILL')
        for (;;);
      }
      writeFileSync(counter, String(before + 1))
      say('done')
      unlinkSync(inside)
    },
    60_000,
  ).catch(error => say(`error: ${error.message}`))
}

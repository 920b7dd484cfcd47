import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

/** Ends the process when it takes more than so many bytes. */
const most = workerData as number

setInterval(() => {
  if (process.memoryUsage.rss() <= most) return
  writeSync(2, 'out of memory\n')
  process.kill(process.pid, 'SIGKILL')
}, 20)

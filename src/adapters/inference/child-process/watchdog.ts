import { parentPort } from 'node:worker_threads'

// A model that never ends keeps its thread from hearing that its server is gone. This one ends the process then.

const server = process.ppid
setInterval(() => {
  if (process.ppid !== server) process.kill(process.pid, 'SIGKILL')
}, 1_000)
// keeps the thread
parentPort?.on('message', () => undefined)

import { parentPort } from 'node:worker_threads'
import { openArena, performJob } from '../../../math/trees/index.ts'
import { type Invitation, signals } from './signals.ts'

// Does the jobs of one training until dismissed, then waits for the next invitation. Sleeps in between.
parentPort?.on('message', ({ control, shape, memory, thread, threads }: Invitation) => {
  const arena = openArena(shape, memory)
  let turn = 0
  parentPort?.postMessage('ready')
  for (;;) {
    // A notification can come late: its job was seen by its number and is done, and it wakes the wait for the next one
    while (Atomics.load(control, signals.turn) === turn) Atomics.wait(control, signals.turn, turn)
    turn++
    if (Atomics.load(control, signals.stop) === 1) return
    performJob(arena, thread, threads)
    Atomics.sub(control, signals.pending, 1)
    Atomics.notify(control, signals.pending)
  }
})

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { compiledModule } from '../../../internal/compiled.ts'
import { type ArenaShape, type Crew, type LinearMemory, newMemory, performJob } from '../../../math/trees/index.ts'
import { type Invitation, signals } from './signals.ts'

/** What a worker that never answers may cost before training gives up, in milliseconds. */
const patience = 60_000

/**
 * `threads` − 1 worker threads and the calling one, over shared memory. The calling thread works with them and blocks
 * meanwhile, so train in a process of its own. Close it in any case; the workers live until then.
 */
export async function openThreadCrew(threads: number): Promise<Crew> {
  let control = newControl()
  const url = compiledModule('./worker.ts', import.meta.url)
  const workers = Array.from({ length: threads - 1 }, () => new Worker(url))
  try {
    await Promise.all(workers.map(worker => once(worker, 'online')))
  } catch (error) {
    await Promise.all(workers.map(worker => worker.terminate()))
    throw error
  }

  return {
    threads,
    allocate: pages => newMemory(pages, true),
    async open(shape: ArenaShape, memory: LinearMemory) {
      dismiss(control)
      control = newControl()
      await Promise.all(
        workers.map(async (worker, at) => {
          const invitation: Invitation = { control, shape, memory, thread: at + 1, threads }
          const ready = once(worker, 'message')
          worker.postMessage(invitation)
          await ready
        }),
      )
    },
    perform(arena) {
      Atomics.store(control, signals.pending, workers.length)
      Atomics.add(control, signals.turn, 1)
      Atomics.notify(control, signals.turn)
      performJob(arena, 0, threads)
      for (let left = Atomics.load(control, signals.pending); left > 0; left = Atomics.load(control, signals.pending)) {
        if (Atomics.wait(control, signals.pending, left, patience) === 'timed-out') {
          throw new Error('a training thread has stopped answering')
        }
      }
    },
    async close() {
      dismiss(control)
      await Promise.all(workers.map(worker => worker.terminate()))
    },
  }
}

function newControl(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(signals.count * 4))
}

/** Sends the workers that follow these control words back to waiting for an invitation. */
function dismiss(control: Int32Array): void {
  Atomics.store(control, signals.stop, 1)
  Atomics.add(control, signals.turn, 1)
  Atomics.notify(control, signals.turn)
}

import { Worker } from 'node:worker_threads'
import { loadProject } from './load.ts'
import { compiledModule } from '../internal/compiled.ts'
import { messageOf } from '../internal/message-of.ts'

/**
 * A process that runs the function of one `batches` expectation: arguments are the project folder, the dataset and the id
 * of the expectation, and the bytes that it may use; each message is a batch of columns, each answer the places of its bad
 * rows.
 */
const [root = '', datasetName = '', id = '', most = ''] = process.argv.slice(2)

const answer = (message: { readonly bad: readonly number[] } | { readonly error: string }): void => {
  process.send?.(message)
}

const ready = loadProject(root).then(project => project.datasets.get(datasetName)?.functions.get(id))

// The heap has its own limit; what is kept beside it, such as buffers, only another thread can watch while this one works
ready.then(
  () => {
    const workerData = process.memoryUsage.rss() + Number(most)
    new Worker(compiledModule('./batch-guard.ts', import.meta.url), { workerData }).unref()
  },
  () => undefined,
)

process.on('message', (batch: Readonly<Record<string, readonly unknown[]>>) => {
  void ready
    .then(check => {
      if (!check) return answer({ error: `the project declares no such function for ${datasetName}` })
      const rows = Object.values(batch)[0]?.length ?? 0
      const holds = check(batch)
      if (holds === null || typeof holds !== 'object' || holds.length !== rows)
        return answer({ error: `it must give an array with one boolean for each of the ${rows} rows` })
      const bad: number[] = []
      for (let i = 0; i < rows; i++) if (holds[i] !== true) bad.push(i)
      answer({ bad })
    })
    .catch((error: unknown) => answer({ error: messageOf(error) }))
})
process.on('disconnect', () => process.exit(0))

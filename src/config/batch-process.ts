import { loadProject } from './load.ts'
import { messageOf } from '../internal/message-of.ts'

/**
 * A process that runs the function of one `batches` expectation: arguments are the project folder, the dataset and the id
 * of the expectation; each message is a batch of columns, each answer the places of its bad rows.
 */
const [root = '', datasetName = '', id = ''] = process.argv.slice(2)

const answer = (message: { readonly bad: readonly number[] } | { readonly error: string }): void => {
  process.send?.(message)
}

const ready = loadProject(root).then(project => project.datasets.get(datasetName)?.functions.get(id))

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

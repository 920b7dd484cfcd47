import type { View } from '../feature-types.ts'
import { Table } from '../parts.tsx'

/** From each column of the dataset through the features made of it to what reads them. */
export function Lineage({ view: { name, source, features } }: { view: View }) {
  const columns = [...new Set(features.flatMap(one => one.columns))].toSorted()
  if (columns.length === 0) return null
  return (
    <details>
      <summary>From column to model</summary>
      <Table caption={`From columns of ${source} through ${name} to models`} heads={['Column', 'Feature', 'Read by']}>
        {columns.flatMap(column =>
          features
            .filter(one => one.columns.includes(column))
            .map((one, i) => (
              <tr key={`${column} ${one.name}`}>
                {i === 0 ? <th scope="row">{column}</th> : <td />}
                <td>{one.name}</td>
                <td>{one.readers.join(', ') || 'nothing'}</td>
              </tr>
            )),
        )}
      </Table>
    </details>
  )
}

import { useState } from 'preact/hooks'
import { ask, may, type Problem } from '../api.ts'
import type { View } from '../feature-types.ts'
import { figure } from '../format.ts'
import { Mark, Table, Time, Trouble } from '../parts.tsx'

interface Answer {
  readonly features: readonly string[]
  readonly asOf: number
  readonly entities: readonly {
    readonly status: string
    readonly event: number | null
    readonly values: readonly unknown[]
  }[]
}

/** What was typed, as a request has it; whole numbers stay texts, which keeps those beyond 2^53. */
function typed(text: string, type: string | undefined): string | number | boolean {
  if (type === 'float') return Number(text)
  return type === 'bool' ? text === 'true' : text
}

/** One vector by its key, as a prediction reads it. */
export function Lookup({ view: { name, entity } }: { view: View }) {
  const [answer, setAnswer] = useState<Answer>()
  const [problem, setProblem] = useState<Problem>()
  if (!may('predict')) return null
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const key = Object.fromEntries(entity.keys.map(one => [one, typed(String(given.get(one)), entity.types[one])]))
    const asOf = String(given.get('asOf') ?? '')
    try {
      const body = { entities: [key], ...(asOf === '' ? {} : { asOf }) }
      setAnswer(await ask<Answer>(`/v1/features/${encodeURIComponent(name)}:get`, body))
      setProblem(undefined)
    } catch (error) {
      setProblem(error as Problem)
    }
  }
  const found = answer?.entities[0]
  return (
    <details>
      <summary>One vector by its key</summary>
      <form aria-label={`One vector of ${name}`} onSubmit={event => void send(event)}>
        {entity.keys.map(one => (
          <label key={one}>
            {one} <input name={one} required />
          </label>
        ))}
        <label>
          As of (default: now) <input name="asOf" placeholder="2026-03-31T12:00:00Z" />
        </label>
        <button type="submit" class="main">
          Read
        </button>
      </form>
      {problem && <Trouble problem={problem} />}
      {answer && found && (
        <>
          <p class="pad">
            <Mark state={found.status} />
            {found.event !== null && (
              <>
                , newest event <Time at={found.event} />
              </>
            )}
          </p>
          <Table caption={`Vector of ${name}`} heads={['Feature', '#Value']}>
            {answer.features.map((feature, i) => (
              <tr key={feature}>
                <th scope="row">{feature}</th>
                <td class="n">{found.values[i] === null ? 'null' : figure(found.values[i])}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </details>
  )
}

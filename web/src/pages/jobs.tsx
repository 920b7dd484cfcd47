import { useEffect, useState } from 'preact/hooks'
import { may, revision, useResource } from '../api.ts'
import { dateTime, duration, figure, number } from '../format.ts'
import { Loaded, Mark, Panel, Table, Time, Title, Trouble } from '../parts.tsx'
import { SendButton, usePost } from '../post.tsx'
import { Link } from '../router.tsx'
import type { Job, JobProgress } from '../types.ts'

const isOver = ({ endedAt }: Job): boolean => endedAt !== null

/** What it is asked about, in few words. */
function aboutOf({ input }: Job): string {
  const texts = ['dataset', 'model', 'models', 'version', 'file', 'of', 'views'].flatMap(name => {
    const value = input[name]
    return typeof value === 'string' ? [value] : Array.isArray(value) ? [value.join(', ')] : []
  })
  return texts.join(' · ').slice(0, 80)
}

const tookOf = ({ at, endedAt }: Job): string => (endedAt === null ? '…' : duration(endedAt - at))

/** What was asked of the server and is done in processes of its own; what is over stays for a day. */
export function Jobs() {
  const { data } = useResource<{ jobs: readonly Job[] }>('/v1/jobs?limit=50')
  if (data === undefined || data.jobs.length === 0) return null
  return (
    <Panel title="Jobs" id="jobs" aside={<small>asked for over HTTP, kept for a day</small>}>
      <Table caption="Jobs, newest first" heads={['State', 'Job', 'About', 'Asked by', 'Asked', '#Took']}>
        {data.jobs.map(job => (
          <tr key={job.id}>
            <td>
              <Mark state={job.status} />
            </td>
            <th scope="row">
              <Link to={`/jobs/${job.id}`}>
                {job.useCase} <code>{job.id.slice(-6)}</code>
              </Link>
            </th>
            <td>{aboutOf(job)}</td>
            <td>{job.actor}</td>
            <td>
              <Time at={job.at} />
            </td>
            <td class="n">{tookOf(job)}</td>
          </tr>
        ))}
      </Table>
    </Panel>
  )
}

/** Lines that are shown of a job: the last ones say where it is. */
const maxLines = 500

/** What the job tells, from its beginning on, as it tells it. */
function useProgress(id: string): readonly JobProgress[] {
  const [lines, setLines] = useState<readonly JobProgress[]>([])
  useEffect(() => {
    let told: JobProgress[] = []
    const source = new EventSource(`/v1/jobs/${encodeURIComponent(id)}/events`)
    // after a lost connection it is told from the beginning again
    source.onopen = () => {
      told = []
      setLines(told)
    }
    for (const type of ['chapter', 'progress', 'warning'] as const)
      source.addEventListener(type, event => {
        const { at, text } = JSON.parse((event as MessageEvent<string>).data) as Omit<JobProgress, 'type'>
        told = [...told.slice(1 - maxLines), { type, at, text }]
        setLines(told)
      })
    source.addEventListener('end', () => {
      source.close()
      revision.value++
    })
    return () => source.close()
  }, [id])
  return lines
}

function Cancel({ id }: { id: string }) {
  const { problem, post } = usePost()
  return (
    <>
      <div class="buttons" role="group" aria-label="This job">
        <SendButton
          label="Cancel"
          sure="End it and what it started?"
          tone="stop"
          send={() => void post(`/v1/jobs/${encodeURIComponent(id)}:cancel`)}
        />
      </div>
      {problem && <Trouble problem={problem} />}
    </>
  )
}

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null

/** A value in a line; of what is nested deeper its size. */
function shownOf(value: unknown): string {
  if (isPlain(value)) return figure(value)
  const entries = Object.entries(value as object)
  if (!entries.every(([, one]) => isPlain(one))) return `${number(entries.length)} entries`
  const words = entries.map(([key, one]) => (Array.isArray(value) ? figure(one) : `${key} ${figure(one)}`))
  return words.join(', ').slice(0, 200) || 'none'
}

function Fields({ of }: { of: Readonly<Record<string, unknown>> }) {
  return (
    <dl>
      {Object.entries(of).flatMap(([key, value]) =>
        value === null || value === undefined
          ? []
          : [
              <div key={key}>
                <dt>{key}</dt>
                <dd>{key === 'run' ? <Link to={`/runs/${String(value)}`}>{String(value)}</Link> : shownOf(value)}</dd>
              </div>,
            ],
      )}
    </dl>
  )
}

/** Fields of an object, or the value itself under one name. */
const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : { value }

export function JobPage({ id }: { id: string }) {
  const found = useResource<Job>(`/v1/jobs/${encodeURIComponent(id)}`)
  const lines = useProgress(id)
  const job = found.data
  return (
    <>
      <Title note={job ? `Asked for on ${dateTime(job.at)} UTC by ${job.actor}` : ' '}>{job?.useCase ?? 'Job'}</Title>
      <Loaded of={found}>
        {shown => (
          <>
            {shown.error && <Trouble problem={shown.error} />}
            <Panel title="Progress" aside={<Mark state={shown.status} />}>
              {lines.length === 0 ? (
                <p class="quiet pad">{isOver(shown) ? 'It told nothing on its way.' : 'It has told nothing yet.'}</p>
              ) : (
                <ol class="told">
                  {lines.map((line, i) => (
                    <li key={i} class={line.type}>
                      <span class="n">{duration(Math.max(0, line.at - shown.at))}</span> {line.text}
                    </li>
                  ))}
                </ol>
              )}
              {!isOver(shown) && may('operate') && <Cancel id={id} />}
            </Panel>
            <Panel title="Asked with">
              <Fields of={shown.input} />
            </Panel>
            {shown.answer !== null && (
              <Panel title="Answer">
                <Fields of={fieldsOf(shown.answer)} />
              </Panel>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}
